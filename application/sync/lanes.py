"""How calls are shared between the lanes: live and ended sessions take turns, refreshes get the rest.

Pure: the caller asks what is due, and what is left of the budget.
"""

from dataclasses import dataclass

from application.ports.genesys import BudgetFigures
from domain.sync.state import SyncLane


@dataclass(frozen=True, slots=True, kw_only=True)
class LanePolicy:
    """How calls are shared between the lanes.

    Attributes:
        ended_every: one call in so many is offered to the ended lane before the live one.
        reserve_fraction: of the calls in a rate window of Genesys, kept for changes: a refresh is made
            only while more than that is left.
        refresh_poll_seconds: the pause before the store is asked for refreshes again after it had none.
    """

    ended_every: int = 5
    reserve_fraction: float = 0.2
    refresh_poll_seconds: float = 5.0


class LaneTurns:
    """Takes turns between the live and the ended lane, call by call."""

    def __init__(self, policy: LanePolicy) -> None:
        self._policy = policy
        self._calls = 0

    def order(self) -> tuple[SyncLane, SyncLane]:
        """The lane that the next call is offered to, then the one to try if nothing is due there."""
        if self._calls >= self._policy.ended_every - 1:
            return SyncLane.ENDED, SyncLane.LIVE
        return SyncLane.LIVE, SyncLane.ENDED

    def spent(self, lane: SyncLane) -> None:
        """Notes that a call was spent on a session of this lane."""
        turn_is_over = self._calls >= self._policy.ended_every - 1 or lane is SyncLane.ENDED
        self._calls = 0 if turn_is_over else self._calls + 1

    def may_refresh(self, budget: BudgetFigures) -> bool:
        """Whether the budget allows a refresh; asked only when nothing is due in the other lanes."""
        return budget.left > budget.allowed * self._policy.reserve_fraction
