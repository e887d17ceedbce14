"""A store in the memory of this process, for tests and for trying things out. It forgets at exit."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice

from application.ports import AuditPage, Clock, SessionStore, SyncBacklog
from domain.audit import AuditEntry
from domain.decisions import Decide, Decision
from domain.identity import SessionId, SubjectId
from domain.record import SessionRecord
from domain.session import SessionState


class MemorySessionStore(SessionStore):
    """It keeps records, not states, so that what it gives back has gone the same way as elsewhere."""

    def __init__(self) -> None:
        self._records: dict[SessionId, SessionRecord] = {}
        self._trail: dict[int, AuditEntry] = {}
        self._places: defaultdict[SessionId, list[int]] = defaultdict(list)
        self._last_place = 0

    async def update(self, session_id: SessionId, decide: Decide) -> Decision:
        record = self._records.get(session_id)
        before = None if record is None else record.state()
        decision = decide(before)
        if decision.state is None:
            self._records.pop(session_id, None)
        elif decision.state is not before:
            self._records[session_id] = SessionRecord.of(decision.state)
        if decision.forgets_audit:
            self._forget(self._places.pop(session_id, []))
        for entry in decision.audit:
            self._last_place += 1
            self._trail[self._last_place] = entry
            self._places[session_id].append(self._last_place)
        return decision

    async def read(self, session_id: SessionId, now: datetime) -> SessionState | None:
        record = self._records.get(session_id)
        return None if record is None or record.expires_at <= now else record.state()

    async def audit_trail(self, session_id: SessionId, *, after: int, limit: int) -> AuditPage:
        places = [place for place in self._places.get(session_id, []) if place > after]
        entries = tuple(self._trail[place] for place in places[:limit])
        return AuditPage(entries, places[limit - 1] if len(places) > limit else None)

    async def due_for_sync(self, now: datetime, limit: int) -> Sequence[SessionId]:
        due = sorted((record.sync_lane, record.sync_due_at, record.session_id) for record in self._due(now))
        return [SessionId(session_id) for _, _, session_id in due[:limit]]

    async def expired(self, now: datetime, limit: int) -> Sequence[SessionId]:
        gone = (session_id for session_id, record in self._records.items() if record.expires_at <= now)
        return list(islice(gone, limit))

    async def of_subject(self, subject_id: SubjectId, limit: int) -> Sequence[SessionId]:
        of_it = (id_ for id_, record in self._records.items() if record.subject_id == subject_id)
        return list(islice(of_it, limit))

    async def forget_audit(self, before: datetime, limit: int) -> int:
        old = list(islice((place for place, entry in self._trail.items() if entry.time < before), limit))
        for place in old:
            self._places[self._trail[place].session_id].remove(place)
        self._forget(old)
        return len(old)

    async def audit_count(self) -> int:
        return len(self._trail)

    async def backlog(self, now: datetime) -> SyncBacklog:
        due = [record.sync_due_at for record in self._due(now) if record.sync_due_at is not None]
        failed = sum(record.sync_failure is not None for record in self._records.values())
        return SyncBacklog(due=len(due), oldest_due_at=min(due, default=None), failed=failed)

    async def clock_skew(self, clock: Clock) -> timedelta | None:  # noqa: ARG002 - our clock is its clock
        return None

    def _due(self, now: datetime) -> Iterable[SessionRecord]:
        return (
            record
            for record in self._records.values()
            if record.sync_due_at is not None and record.sync_due_at <= now < record.expires_at
        )

    def _forget(self, places: Iterable[int]) -> None:
        for place in places:
            del self._trail[place]
