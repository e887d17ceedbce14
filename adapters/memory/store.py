"""A store in the memory of this process, for tests and for trying things out. It forgets at exit."""

from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any
from zlib import crc32

from adapters.storage.cursor import cursor_of, number_of
from adapters.storage.decision_batch import decide_in_order
from adapters.storage.record import SessionRecord
from adapters.storage.unreadable import state_or_columns
from application.ports.runtime import Clock
from application.ports.session_store import (
    BACKLOG_COUNT_MAX,
    EXPIRED_PARTS,
    AuditPage,
    FailedSyncs,
    SessionStore,
    SyncBacklog,
)
from domain.audit import AuditAction, AuditEntry
from domain.decisions.decision import Decide, Decision
from domain.ids import PersistenceId, SessionId, SubjectId
from domain.instants import to_microseconds
from domain.session.state import SessionState
from domain.sync.state import SyncLane


class MemorySessionStore(SessionStore):
    """It keeps records, not states, so that what it gives back has gone the same way as elsewhere."""

    def __init__(self) -> None:
        self._records: dict[SessionId, SessionRecord] = {}
        self._expiring = _ByTime()
        self._due = {lane.value: _ByTime() for lane in SyncLane}
        self._waiting = _ByTime()
        self._failed: set[SessionId] = set()
        self._trail: dict[int, _Noted] = {}
        self._trail_by_time = _ByTime()
        self._places: defaultdict[SessionId, list[int]] = defaultdict(list)
        self._left_trails: defaultdict[SubjectId, Counter[SessionId]] = defaultdict(Counter)
        self._last_place = 0

    async def update(self, session_id: SessionId, decide: Decide) -> Decision:
        record = self._records.get(session_id)
        before = None if record is None else state_or_columns(record)
        write, (answer,) = decide_in_order(session_id, before, [decide])
        if isinstance(answer, Exception):
            raise answer
        if write.state_changed:
            self._put(session_id, record, write.record)
        if write.forgets_audit:
            self._forget(self._places.pop(session_id, []))
        for entry in write.audit:
            self._last_place += 1
            self._trail[self._last_place] = _noted(entry)
            self._trail_by_time.add(entry.time, self._last_place)
            if entry.subject_id is not None:
                self._left_trails[entry.subject_id][session_id] += 1
            self._places[session_id].append(self._last_place)
        return answer

    async def read(self, session_id: SessionId, now: datetime) -> SessionState | None:
        record = self._records.get(session_id)
        if record is None or record.expires_at <= now:
            return None
        return record.state()

    async def audit_trail(self, session_id: SessionId, *, after: str | None, limit: int) -> AuditPage:
        places = self._places.get(session_id, [])
        places = places[bisect_right(places, number_of(session_id, after)) :][: limit + 1]
        entries = tuple(_entry(self._trail[place]) for place in places[:limit])
        more = len(places) > limit
        return AuditPage(entries, cursor_of(session_id, str(places[limit - 1])) if more else None)

    async def due_for_sync(self, now: datetime, *, lane: SyncLane, limit: int) -> Sequence[SessionId]:
        return [SessionId(record.session_id) for record in islice(self._due_records(now, lane), limit)]

    async def expired(self, now: datetime, limit: int, *, part: int | None = None) -> Sequence[SessionId]:
        found = self._expiring.until(now)
        of_part = (one for one in found if part is None or crc32(one.encode()) % EXPIRED_PARTS == part)
        return list(islice(of_part, limit))

    async def of_subject(
        self, subject_id: SubjectId, *, after: SessionId | None, limit: int
    ) -> Sequence[SessionId]:
        of_it = {id_ for id_, record in self._records.items() if record.subject_id == subject_id}
        for session_id in self._left_trails.get(subject_id, ()):
            record = self._records.get(session_id)
            if record is None or record.subject_id is None:
                of_it.add(session_id)
        return [session_id for session_id in sorted(of_it) if session_id > (after or "")][:limit]

    async def forget_audit(self, before: datetime, limit: int) -> int:
        old = list(islice(self._trail_by_time.until(before - timedelta.resolution), limit))
        for place in old:
            session_id = self._trail[place][1]
            self._places[session_id].remove(place)
            if not self._places[session_id]:
                del self._places[session_id]
        self._forget(old)
        return len(old)

    async def forget_erased(self, limit: int) -> int:  # noqa: ARG002 - they went with the trail
        return 0

    async def audit_count(self) -> int:
        return len(self._trail)

    async def backlog(self, now: datetime) -> SyncBacklog:
        oldest = (self._records[one] for one in islice(self._waiting.all(), BACKLOG_COUNT_MAX))
        since = [record.sync_waiting_since for record in oldest if record.expires_at > now]
        failed = min(len(self._failed), BACKLOG_COUNT_MAX)
        return SyncBacklog(due=len(since), oldest_waiting_since=since[0] if since else None, failed=failed)

    async def failed_by_code(self, now: datetime) -> Sequence[FailedSyncs]:
        changes: defaultdict[str, list[datetime]] = defaultdict(list)
        for code, record in self._undelivered(now):
            changes[code].append(record.updated_at)
        return [FailedSyncs(code, len(moments), min(moments)) for code, moments in changes.items()]

    async def failed_syncs(
        self, now: datetime, *, code: str | None, after: SessionId | None, limit: int
    ) -> Sequence[SessionId]:
        found = sorted(record.session_id for has, record in self._undelivered(now) if code in {None, has})
        return [SessionId(one) for one in found if after is None or one > after][:limit]

    async def ping(self) -> None:
        """It is there as long as this process is."""

    async def clock_skew(self, clock: Clock) -> timedelta | None:  # noqa: ARG002 - our clock is its clock
        return None

    def _put(self, session_id: SessionId, old: SessionRecord | None, new: SessionRecord | None) -> None:
        if new is None:
            self._records.pop(session_id, None)
        else:
            self._records[session_id] = new
        was = (None, None) if old is None else (old.expires_at, old.sync_waiting_since)
        now = (None, None) if new is None else (new.expires_at, new.sync_waiting_since)
        self._expiring.move(session_id, was[0], now[0])
        self._waiting.move(session_id, was[1], now[1])
        if old is not None and new is not None and old.sync_lane == new.sync_lane:
            self._due[new.sync_lane].move(session_id, old.sync_due_at, new.sync_due_at)
        else:
            if old is not None:
                self._due[old.sync_lane].move(session_id, old.sync_due_at, None)
            if new is not None:
                self._due[new.sync_lane].move(session_id, None, new.sync_due_at)
        if new is not None and new.sync_failure is not None:
            self._failed.add(session_id)
        else:
            self._failed.discard(session_id)

    def _due_records(self, now: datetime, lane: SyncLane) -> Iterator[SessionRecord]:
        """By the time at which they became due."""
        for session_id in self._due[lane.value].until(now):
            if (record := self._records[session_id]).expires_at > now:
                yield record

    def _forget(self, places: Iterable[int]) -> None:
        for place in places:
            entry = _entry(self._trail.pop(place))
            self._trail_by_time.remove(entry.time, place)
            if entry.subject_id is not None:
                left = self._left_trails[entry.subject_id]
                left[entry.session_id] -= 1
                if not left[entry.session_id]:
                    del left[entry.session_id]
                if not left:
                    del self._left_trails[entry.subject_id]

    def _undelivered(self, now: datetime) -> Iterator[tuple[str, SessionRecord]]:
        """With the code of the failure."""
        for session_id in self._failed:
            record = self._records[session_id]
            if record.sync_failure is not None and record.expires_at > now:
                yield record.sync_failure, record


_Noted = tuple[str, SessionId, datetime, PersistenceId | None, int | None, str | None, SubjectId | None]
"""An entry of the trail, its fields in their order. The trail is most of what this store holds, and the
garbage collector does not go through tuples of texts and numbers again and again, as it does elsewhere."""


def _noted(entry: AuditEntry) -> _Noted:
    what = (entry.persistence_id, entry.revision, entry.reason, entry.subject_id)
    return (entry.action.value, entry.session_id, entry.time, *what)


def _entry(noted: _Noted) -> AuditEntry:
    action, session_id, time, persistence_id, revision, reason, subject_id = noted
    return AuditEntry(
        action=AuditAction(action),
        session_id=session_id,
        time=time,
        persistence_id=persistence_id,
        revision=revision,
        reason=reason,
        subject_id=subject_id,
    )


_BUCKET_BITS = 18
"""Microseconds of a bucket: 2 to the power of this, a quarter of a second."""


class _ByTime:
    """Things by their times, so that the first ones are found without a look at the rest.

    They stand in buckets, which are sorted when they are looked at. All in one sorted list would have to be
    moved for each one that comes or goes: with 200,000 sessions that took 87 µs per update.
    """

    def __init__(self) -> None:
        self._buckets: dict[int, dict[Any, int]] = {}
        self._numbers: list[int] = []

    def add(self, moment: datetime, thing: Any) -> None:
        microseconds = to_microseconds(moment)
        number = microseconds >> _BUCKET_BITS
        bucket = self._buckets.get(number)
        if bucket is None:
            bucket = self._buckets[number] = {}
            insort(self._numbers, number)
        bucket[thing] = microseconds

    def remove(self, moment: datetime, thing: Any) -> None:
        number = to_microseconds(moment) >> _BUCKET_BITS
        bucket = self._buckets[number]
        del bucket[thing]
        if not bucket:
            del self._buckets[number]
            del self._numbers[bisect_left(self._numbers, number)]

    def move(self, thing: Any, old: datetime | None, new: datetime | None) -> None:
        """None: it has, or is to have, no time."""
        if old == new:
            return
        if old is not None:
            self.remove(old, thing)
        if new is not None:
            self.add(new, thing)

    def all(self) -> Iterator[Any]:
        return (thing for _, thing in self._items())

    def until(self, moment: datetime) -> Iterator[Any]:
        end = to_microseconds(moment)
        return (thing for _, thing in takewhile(lambda item: item[0] <= end, self._items()))

    def _items(self) -> Iterator[tuple[int, Any]]:
        for number in self._numbers:
            yield from sorted((microseconds, thing) for thing, microseconds in self._buckets[number].items())
