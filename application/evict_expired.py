"""Removing what has expired, in small lots."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

from application.errors import StoreUnavailable
from application.ports import Clock, Metrics, SessionStore
from domain.decisions import Decision
from domain.eviction import decide_eviction, is_undelivered
from domain.identity import SessionId
from domain.session import SessionState

_log = logging.getLogger("session_keeper.loops")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvictExpired:
    """Evict at most `limit` sessions, and forget at most as many audit entries that are too old."""

    limit: int = 500


class EvictExpiredHandler:
    def __init__(
        self, *, store: SessionStore, clock: Clock, metrics: Metrics, audit_retention: timedelta
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._audit_retention = audit_retention

    async def __call__(self, command: EvictExpired) -> bool:
        """Whether there may be more to do. A record that cannot be read does not keep the others.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        now = self._clock.now()
        session_ids = await self._store.expired(now, command.limit)
        ends = await asyncio.gather(*map(self._evict, session_ids), return_exceptions=True)
        entries = [entry for end in ends if isinstance(end, Decision) for entry in end.audit]
        if entries:
            undelivered = sum(map(is_undelivered, entries))
            self._metrics.sessions_evicted(len(entries), undelivered=undelivered)
        self._note_faults([end for end in ends if isinstance(end, BaseException)])
        forgotten = await self._store.forget_audit(now - self._audit_retention, command.limit)
        return max(len(session_ids), forgotten) >= command.limit

    async def _evict(self, session_id: SessionId) -> Decision:
        now = self._clock.now()

        def decide(before: SessionState | None) -> Decision:
            return decide_eviction(before, now)

        return await self._store.update(session_id, decide)

    def _note_faults(self, faults: list[BaseException]) -> None:
        for fault in faults:
            if not isinstance(fault, StoreUnavailable):
                raise fault
        if faults:
            facts = {"count": len(faults), "reason": str(faults[0])}
            _log.warning("expired sessions could not be evicted", extra=facts)
