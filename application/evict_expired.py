"""Removing what has expired, in small lots."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from application.ports import Clock, Metrics, SessionStore
from domain.decisions import Decision
from domain.eviction import decide_eviction
from domain.identity import SessionId
from domain.session import SessionState


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
        """Whether there may be more to do."""
        now = self._clock.now()
        session_ids = await self._store.expired(now, command.limit)
        evicted = sum(await asyncio.gather(*map(self._evict, session_ids)))
        if evicted:
            self._metrics.sessions_evicted(evicted)
        forgotten = await self._store.forget_audit(now - self._audit_retention, command.limit)
        return max(len(session_ids), forgotten) >= command.limit

    async def _evict(self, session_id: SessionId) -> bool:
        now = self._clock.now()

        def decide(before: SessionState | None) -> Decision:
            return decide_eviction(before, now)

        return (await self._store.update(session_id, decide)).state is None
