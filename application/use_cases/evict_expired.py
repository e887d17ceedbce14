"""Evicting expired sessions in small lots, and deleting old audit entries."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from application.errors import StoreUnavailable
from application.ports.metrics import Metrics
from application.ports.runtime import Clock, IdGenerator
from application.ports.session_store import EXPIRED_PARTS, SessionStore
from domain.audit import AuditEntry
from domain.decisions.clock_skew import eviction_problem
from domain.decisions.decision import Decision
from domain.decisions.evict import decide_eviction, decide_eviction_unread, is_undelivered
from domain.decisions.unreadable import DecideAnyway, UnreadableSession
from domain.ids import SessionId
from domain.session.state import SessionState

LOT_MAX = 64
"""Sessions that are evicted concurrently; so many decisions are in vain when two replicas meet."""
FAULTS_MAX = 64
"""After so many failures before the first eviction the store is taken to be away."""
FAILED_PAUSE = timedelta(minutes=5)
"""The pause before a session that could not be evicted is tried again."""
_log = logging.getLogger("session_keeper.loops")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvictExpired:
    """Evict at most `limit` sessions; delete at most so many old audit entries, and so many erased ones."""

    limit: int = 500


class EvictExpiredHandler:
    def __init__(
        self,
        *,
        store: SessionStore,
        clock: Clock,
        ids: IdGenerator,
        metrics: Metrics,
        audit_retention: timedelta,
        clock_skew_max: timedelta,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._audit_retention = audit_retention
        self._clock_skew_max = clock_skew_max
        self._stopped = False
        self._left_alone: dict[SessionId, datetime] = {}

    async def __call__(self, command: EvictExpired) -> bool:
        """Whether there may be more to do. A session that cannot be evicted does not stop the others.

        Goes by the slower of our clock and the store's; nothing is done while they are too far apart.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        skew = await self._store.clock_skew(self._clock)
        if self._too_far_apart(skew):
            return False
        now = self._clock.now() + min(skew or timedelta(), timedelta())
        evicted = await self._evict_expired(now, command.limit)
        forgotten = await self._store.forget_audit(now - self._audit_retention, command.limit)
        erased = await self._store.forget_erased(command.limit)
        return max(evicted, forgotten, erased) >= command.limit

    async def _evict_expired(self, now: datetime, limit: int) -> int:
        self._left_alone = {one: until for one, until in self._left_alone.items() if until > now}
        if not await self._lot(now, 1, part=None):
            return 0
        evictions = _Evictions()
        try:
            await self._evict_parts(now, limit, evictions)
        finally:
            if entries := evictions.entries:
                undelivered = sum(map(is_undelivered, entries))
                self._metrics.sessions_evicted(len(entries), undelivered=undelivered)
        return evictions.gone

    async def _evict_parts(self, now: datetime, limit: int, evictions: "_Evictions") -> None:
        """Part after part in random order, so that replicas which evict at once seldom meet."""
        for part in sorted(range(EXPIRED_PARTS), key=lambda _: self._ids.jitter()):
            while evictions.gone < limit:
                lot = await self._lot(now, min(LOT_MAX, limit - evictions.gone), part)
                went = await self._evict_lot(lot, now, evictions)
                if len(lot) < LOT_MAX or went < len(lot) / 2:  # all gone, or another replica is here
                    break

    async def _lot(self, now: datetime, size: int, part: int | None) -> list[SessionId]:
        found = await self._store.expired(now, size + len(self._left_alone), part=part)
        return [session_id for session_id in found if session_id not in self._left_alone][:size]

    async def _evict_lot(self, lot: Sequence[SessionId], now: datetime, evictions: "_Evictions") -> int:
        """Evicts the lot; returns how many sessions of it went."""
        ends = await asyncio.gather(*(self._evict(one, now) for one in lot), return_exceptions=True)
        faults: dict[SessionId, StoreUnavailable] = {}
        gone_before = evictions.gone
        for session_id, end in zip(lot, ends, strict=True):
            if isinstance(end, StoreUnavailable):
                faults[session_id] = end
            elif isinstance(end, BaseException):
                raise end
            elif end is not None:
                evictions.gone += 1
                evictions.entries += end
        evictions.faults += len(faults)
        for session_id, fault in faults.items():
            if not evictions.gone and evictions.faults >= FAULTS_MAX:
                raise fault
            self._leave_alone(session_id, fault, now)
        return evictions.gone - gone_before

    def _leave_alone(self, session_id: SessionId, fault: StoreUnavailable, now: datetime) -> None:
        self._left_alone[session_id] = now + FAILED_PAUSE
        self._metrics.eviction_failed()
        facts = {"session_id": session_id, "reason": str(fault)}
        _log.warning("an expired session could not be evicted", extra=facts)

    def _too_far_apart(self, skew: timedelta | None) -> bool:
        """Whether the clock skew forbids eviction; logged when that begins and when it ends."""
        problem = eviction_problem(skew, self._clock_skew_max)
        if problem is not None and not self._stopped:
            _log.error("eviction is stopped", extra={"reason": problem})
        elif problem is None and self._stopped:
            _log.info("eviction goes on: the clocks agree again")
        self._stopped = problem is not None
        return self._stopped

    async def _evict(self, session_id: SessionId, now: datetime) -> tuple[AuditEntry, ...] | None:
        """The audit entries of the eviction; None: the session was renewed, or another replica was faster."""
        was_there = False
        unread: str | None = None

        def readable(before: SessionState | None) -> Decision:
            nonlocal was_there, unread
            was_there, unread = before is not None and before.expired(now), None
            return decide_eviction(before, now)

        def unreadable(before: UnreadableSession) -> Decision | None:
            nonlocal was_there, unread
            was_there, unread = before.expired(now), before.why
            return decide_eviction_unread(before, now)

        decision = await self._store.update(session_id, DecideAnyway(readable, unreadable))
        if was_there and unread is not None:
            facts = {"session_id": session_id, "reason": unread}
            _log.warning("evicted a session whose record cannot be read", extra=facts)
        return decision.audit if was_there else None


@dataclass(slots=True)
class _Evictions:
    """The counts of one pass, and its audit entries."""

    gone: int = 0
    faults: int = 0
    entries: list[AuditEntry] = field(default_factory=list)
