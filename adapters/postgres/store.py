"""A store in PostgreSQL, for any number of processes on any number of machines."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial

from adapters.postgres import rows, statements
from adapters.postgres.batches import PostgresBatches
from adapters.postgres.connection import Connections, open_connections
from adapters.postgres.trail_place import TrailPlace
from adapters.storage.backend import StoreLimits
from adapters.storage.batch import BatchLimits
from adapters.storage.group_commit import GroupCommit
from application.errors import StoreUnavailable
from application.ports.runtime import Clock
from application.ports.session_store import AuditPage, FailedSyncs, SessionStore, SyncBacklog
from domain.decisions.decision import Decide, Decision
from domain.ids import SessionId, SubjectId
from domain.instants import to_microseconds
from domain.session.state import SessionState
from domain.sync.state import SyncLane

BATCHES_MAX = 4
"""Writes under way at the same time, each on a connection of its own."""


class PostgresSessionStore(SessionStore):
    def __init__(self, connections: Connections, updates: GroupCommit) -> None:
        self._connections = connections
        self._updates = updates

    async def update(self, session_id: SessionId, decide: Decide) -> Decision:
        return await self._updates.update(session_id, decide)

    async def read(self, session_id: SessionId, now: datetime) -> SessionState | None:
        found = await self._connections.fetch(statements.READ, [session_id])
        state = rows.state_of(found[0]) if found else None
        return None if state is None or state.expired(now) else state

    async def audit_trail(self, session_id: SessionId, *, after: str | None, limit: int) -> AuditPage:
        since = TrailPlace.of(session_id, after)
        found = await self._connections.fetch(
            statements.TRAIL, session_id, since.place, since.snapshot, limit + 1
        )
        end = limit + sum(row["place"] <= since.place for row in found)  # what was late comes besides
        try:
            entries = tuple(rows.audit_entry(row) for row in found[:end])
        except ValueError as error:
            raise StoreUnavailable(f"the trail of session {session_id} cannot be read: {error}") from error
        if len(found) <= end:
            return AuditPage(entries, None)
        last = found[end - 1]
        return AuditPage(entries, TrailPlace(last["place"], last["snapshot"]).cursor(session_id))

    async def due_for_sync(self, now: datetime, *, lane: SyncLane, limit: int) -> Sequence[SessionId]:
        found = await self._connections.fetch(statements.DUE, lane.value, now, limit)
        return [SessionId(row["session_id"]) for row in found]

    async def expired(self, now: datetime, limit: int, *, part: int | None = None) -> Sequence[SessionId]:
        bucket = -(-to_microseconds(now) // rows.BUCKET_MICROSECONDS)
        found = await self._connections.fetch(statements.EXPIRED, bucket, now, limit, part)
        return [SessionId(row["session_id"]) for row in found]

    async def of_subject(
        self, subject_id: SubjectId, *, after: SessionId | None, limit: int
    ) -> Sequence[SessionId]:
        found = await self._connections.fetch(statements.OF_SUBJECT, subject_id, after or "", limit)
        return [SessionId(row["session_id"]) for row in found]

    async def forget_audit(self, before: datetime, limit: int) -> int:
        return await self._deleted(statements.FORGET_AUDIT, before, limit)

    async def forget_erased(self, limit: int) -> int:
        return await self._deleted(statements.FORGET_ERASED, limit)

    async def audit_count(self) -> int:
        ((count,),) = await self._connections.fetch(statements.AUDIT_COUNT)
        return int(count)

    async def backlog(self, now: datetime) -> SyncBacklog:
        ((due, oldest),) = await self._connections.fetch(statements.BACKLOG, now)
        ((failed,),) = await self._connections.fetch(statements.FAILED)
        return SyncBacklog(due=due, oldest_waiting_since=oldest, failed=failed)

    async def failed_by_code(self, now: datetime) -> Sequence[FailedSyncs]:
        found = await self._connections.fetch(statements.FAILED_BY_CODE, now)
        return [FailedSyncs(row["sync_failure"], row["count"], row["oldest"]) for row in found]

    async def failed_syncs(
        self, now: datetime, *, code: str | None, after: SessionId | None, limit: int
    ) -> Sequence[SessionId]:
        found = await self._connections.fetch(statements.FAILED_SYNCS, now, code, after or "", limit)
        return [SessionId(row["session_id"]) for row in found]

    async def clock_skew(self, clock: Clock) -> timedelta | None:
        """Half of the round trip is taken for the way back."""
        async with self._connections.one() as connection:
            asked = clock.now()
            theirs: datetime = await connection.fetchval(statements.NOW)
            answered = clock.now()
        return theirs - (asked + (answered - asked) / 2)

    async def ping(self) -> None:
        """The tables can be read, and a commit goes through."""
        await self._connections.fetch(statements.TABLES)
        await self._updates.health.check(partial(self._connections.fetch, statements.TOUCH))

    async def _deleted(self, statement: str, *arguments: object) -> int:
        """How many rows the statement deleted, from the tag of its answer: `DELETE 3`."""
        async with self._connections.one() as connection:
            tag = await connection.execute(statement, *arguments)
        return int(tag.rpartition(" ")[2])


@asynccontextmanager
async def open_postgres_store(url: str, limits: StoreLimits) -> AsyncIterator[PostgresSessionStore]:
    """A store on a migrated database. That it does not answer yet is no reason not to start.

    Raises:
        StoreUnavailable: the URL cannot be understood.
    """
    connections_are_open = open_connections(
        url, connections_max=limits.connections_max, timeout_seconds=limits.timeout_seconds
    )
    async with connections_are_open as connections:
        batch_limits = BatchLimits(
            timeout_seconds=limits.timeout_seconds,
            batch_max=limits.batch_max,
            waiting_max=limits.waiting_max,
            under_way_max=min(BATCHES_MAX, max(1, limits.connections_max - 1)),
        )
        updates = GroupCommit(PostgresBatches(connections), batch_limits, name="PostgreSQL")
        try:
            yield PostgresSessionStore(connections, updates)
        finally:
            connections.cut_off()
            await updates.close()
