"""Choosing the session that the next call is for."""

import asyncio
from collections.abc import Collection, Sequence

from application.ports.genesys import CallBudget
from application.ports.runtime import Clock
from application.ports.session_store import SessionStore
from application.sync.conclusions import SyncConclusions
from application.sync.lanes import LanePolicy, LaneTurns
from domain.ids import SessionId
from domain.sync.state import SyncLane

CANDIDATES_MAX = 1000


class SyncCandidates:
    """The sessions that are due in the store, without those under way here or in a back-off."""

    def __init__(
        self,
        *,
        store: SessionStore,
        budget: CallBudget,
        clock: Clock,
        conclusions: SyncConclusions,
        policy: LanePolicy,
    ) -> None:
        self._store = store
        self._budget = budget
        self._clock = clock
        self._circuit_breaker = conclusions.circuit_breaker
        self._session_backoff = conclusions.session_backoff
        self._policy = policy
        self._lanes = LaneTurns(policy)
        self._no_refresh_before = 0.0
        self._changed_last: SessionId | None = None

    def changed(self, session_id: SessionId) -> None:
        """Notes that a session has changed in this server process."""
        self._changed_last = session_id

    async def next(self, under_way: Collection[SessionId]) -> SessionId | None:
        """The session to try next, if any; nothing is awaited between the choice and the return.

        Raises:
            StoreUnavailable.
        """
        if (probe := self._probe_that_may_end_a_suspicion(under_way)) is not None:
            return probe
        for lane in self._lanes.order():
            if (session_id := await self._longest_due(lane, under_way)) is not None:
                self._lanes.spent(lane)
                return session_id
        return await self._refresh(under_way)

    async def _refresh(self, under_way: Collection[SessionId]) -> SessionId | None:
        """A session for a refresh. Not urgent: after none was due, the store is not asked for a while."""
        if _now() < self._no_refresh_before or not self._lanes.may_refresh(self._budget.figures()):
            return None
        session_id = await self._longest_due(SyncLane.REFRESH, under_way)
        if session_id is None:
            self._no_refresh_before = _now() + self._policy.refresh_poll_seconds
        return session_id

    def _probe_that_may_end_a_suspicion(self, under_way: Collection[SessionId]) -> SessionId | None:
        """The session that changed last, as the probe after an inferred misconfiguration.

        There may be many sessions that are refused for their own fault, and to probe each of them in turn
        would keep the others waiting for hours. An active session is the likeliest to be accepted.
        """
        if not self._circuit_breaker.misconfigured_by_inference or self._changed_last is None:
            return None
        changed_last, self._changed_last = self._changed_last, None
        return self._first_free([changed_last], under_way)

    async def _longest_due(self, lane: SyncLane, under_way: Collection[SessionId]) -> SessionId | None:
        hidden = len(under_way) + self._session_backoff.count(_now())
        limit = min(1 + hidden, CANDIDATES_MAX)
        due = await self._store.due_for_sync(self._clock.now(), lane=lane, limit=limit)
        return self._first_free(due, under_way)

    def _first_free(self, due: Sequence[SessionId], under_way: Collection[SessionId]) -> SessionId | None:
        now = _now()
        free = (one for one in due if one not in under_way and not self._session_backoff.holds(one, now))
        return next(free, None)


def _now() -> float:
    return asyncio.get_running_loop().time()
