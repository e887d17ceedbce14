"""Which sessions the next call is offered to: live ones, ended ones, and what is left over to refreshes.

Pure: what is due, and what is left of the budget, is for the caller to ask.
"""

from dataclasses import dataclass

from application.ports.genesys import BudgetFigures
from domain.sync.state import SyncLane


@dataclass(frozen=True, slots=True, kw_only=True)
class LanePolicy:
    """How calls are shared out.

    Attributes:
        ended_every: one call in so many is offered to ended sessions before live ones.
        reserve_fraction: of the calls in a window of Genesys; a refresh is made only while more than
            that is left, so that changes find something.
        refresh_poll_seconds: how long the store is not asked for refreshes again after it had none.
    """

    ended_every: int = 5
    reserve_fraction: float = 0.2
    refresh_poll_seconds: float = 5.0


class LaneTurns:
    """Takes turns between live and ended sessions, call by call."""

    def __init__(self, policy: LanePolicy) -> None:
        self._policy = policy
        self._calls = 0

    def order(self) -> tuple[SyncLane, SyncLane]:
        """The lane that the next call is offered to, and the one that it goes to if nothing is due there."""
        if self._calls >= self._policy.ended_every - 1:
            return SyncLane.ENDED, SyncLane.LIVE
        return SyncLane.LIVE, SyncLane.ENDED

    def spent(self, lane: SyncLane) -> None:
        """A call went to a session of this lane."""
        turn_is_over = self._calls >= self._policy.ended_every - 1 or lane is SyncLane.ENDED
        self._calls = 0 if turn_is_over else self._calls + 1

    def may_refresh(self, budget: BudgetFigures) -> bool:
        """Whether a call is left over for a refresh, once nothing is due in the other lanes."""
        return budget.left > budget.allowed * self._policy.reserve_fraction
