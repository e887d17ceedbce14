"""Removing what has expired, in small lots."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.clock_skew import eviction_problem
from application.errors import StoreUnavailable
from application.ports import Clock, Metrics, SessionStore
from domain.decisions import Decision
from domain.eviction import decide_eviction, decide_eviction_unread, is_undelivered
from domain.identity import SessionId
from domain.session import SessionState
from domain.unreadable import DecideAnyway, UnreadableSession

_log = logging.getLogger("session_keeper.loops")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvictExpired:
    """Evict at most `limit` sessions, and forget at most as many audit entries that are too old."""

    limit: int = 500


class EvictExpiredHandler:
    def __init__(
        self,
        *,
        store: SessionStore,
        clock: Clock,
        metrics: Metrics,
        audit_retention: timedelta,
        clock_skew_max: timedelta,
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._audit_retention = audit_retention
        self._clock_skew_max = clock_skew_max
        self._stopped = False

    async def __call__(self, command: EvictExpired) -> bool:
        """Whether there may be more to do. A record that cannot be read does not keep the others.

        By the slower of our clock and the store's; nothing is done while they are too far apart.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        skew = await self._store.clock_skew(self._clock)
        if self._too_far_apart(skew):
            return False
        now = self._clock.now() + min(skew or timedelta(), timedelta())
        session_ids = await self._store.expired(now, command.limit)
        evictions = (self._evict(session_id, now) for session_id in session_ids)
        ends = await asyncio.gather(*evictions, return_exceptions=True)
        entries = [entry for end in ends if isinstance(end, Decision) for entry in end.audit]
        if entries:
            undelivered = sum(map(is_undelivered, entries))
            self._metrics.sessions_evicted(len(entries), undelivered=undelivered)
        self._note_faults([end for end in ends if isinstance(end, BaseException)])
        forgotten = await self._store.forget_audit(now - self._audit_retention, command.limit)
        return max(len(session_ids), forgotten) >= command.limit

    def _too_far_apart(self, skew: timedelta | None) -> bool:
        """Said in the log when it begins and when it ends."""
        problem = eviction_problem(skew, self._clock_skew_max)
        if problem is not None and not self._stopped:
            _log.error("eviction is stopped", extra={"reason": problem})
        elif problem is None and self._stopped:
            _log.info("eviction goes on: the clocks agree again")
        self._stopped = problem is not None
        return self._stopped

    async def _evict(self, session_id: SessionId, now: datetime) -> Decision:
        unread: list[str] = []

        def readable(before: SessionState | None) -> Decision:
            return decide_eviction(before, now)

        def unreadable(before: UnreadableSession) -> Decision | None:
            unread.append(before.why)
            return decide_eviction_unread(before, now)

        decision = await self._store.update(session_id, DecideAnyway(readable, unreadable))
        if unread and decision.audit:
            facts = {"session_id": session_id, "reason": unread[-1]}
            _log.warning("evicted a session whose record cannot be read", extra=facts)
        return decision

    def _note_faults(self, faults: list[BaseException]) -> None:
        for fault in faults:
            if not isinstance(fault, StoreUnavailable):
                raise fault
        if faults:
            facts = {"count": len(faults), "reason": str(faults[0])}
            _log.warning("expired sessions could not be evicted", extra=facts)
