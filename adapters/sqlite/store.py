"""A store in one SQLite file: the default, durable, and fit for one machine with any number of processes."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import local
from typing import TypeVar

from adapters.sqlite import schema, statements
from adapters.sqlite.connection import DatabaseFile, translated_errors
from adapters.sqlite.writer import SqliteWriter
from adapters.storage.backend import StoreLimits
from adapters.storage.batch import BatchLimits
from adapters.storage.cursor import number_of
from adapters.storage.group_commit import GroupCommit
from application.errors import StoreUnavailable
from application.ports.runtime import Clock
from application.ports.session_store import AuditPage, FailedSyncs, SessionStore, SyncBacklog
from domain.decisions.decision import Decide, Decision
from domain.ids import SessionId, SubjectId
from domain.session.state import SessionState
from domain.sync.state import SyncLane

T = TypeVar("T")
READERS = 2
"""Threads that read, each with a connection of its own."""


class SqliteSessionStore(SessionStore):
    def __init__(
        self, updates: GroupCommit, writer: SqliteWriter, readers: "_Readers", limits: StoreLimits
    ) -> None:
        self._updates = updates
        self._writer = writer
        self._readers = readers
        self._timeout_seconds = limits.timeout_seconds

    async def update(self, session_id: SessionId, decide: Decide) -> Decision:
        return await self._updates.update(session_id, decide)

    async def read(self, session_id: SessionId, now: datetime) -> SessionState | None:
        state = await self._read(lambda connection: statements.read(connection, session_id))
        return None if state is None or state.expired(now) else state

    async def audit_trail(self, session_id: SessionId, *, after: str | None, limit: int) -> AuditPage:
        """One transaction writes at a time, so places are in the order of the commits."""
        place = number_of(session_id, after)
        return await self._read(lambda connection: statements.trail(connection, session_id, place, limit))

    async def due_for_sync(self, now: datetime, *, lane: SyncLane, limit: int) -> Sequence[SessionId]:
        return await self._read(lambda connection: statements.due(connection, lane, now, limit))

    async def expired(self, now: datetime, limit: int, *, part: int | None = None) -> Sequence[SessionId]:
        return await self._read(lambda connection: statements.expired(connection, now, limit, part))

    async def of_subject(
        self, subject_id: SubjectId, *, after: SessionId | None, limit: int
    ) -> Sequence[SessionId]:
        return await self._read(
            lambda connection: statements.of_subject(connection, subject_id, after, limit)
        )

    async def forget_audit(self, before: datetime, limit: int) -> int:
        return await self._write(lambda connection: statements.forget_audit(connection, before, limit))

    async def forget_erased(self, limit: int) -> int:
        return await self._write(lambda connection: statements.forget_erased(connection, limit))

    async def audit_count(self) -> int:
        return await self._read(statements.audit_count)

    async def backlog(self, now: datetime) -> SyncBacklog:
        return await self._read(lambda connection: statements.backlog(connection, now))

    async def failed_by_code(self, now: datetime) -> Sequence[FailedSyncs]:
        return await self._read(lambda connection: statements.failed_by_code(connection, now))

    async def failed_syncs(
        self, now: datetime, *, code: str | None, after: SessionId | None, limit: int
    ) -> Sequence[SessionId]:
        return await self._read(
            lambda connection: statements.failed_syncs(connection, now, code, after, limit)
        )

    async def clock_skew(self, clock: Clock) -> timedelta | None:  # noqa: ARG002 - the file has no clock
        return None

    async def ping(self) -> None:
        """The file is read, its tables are those of this version, and its lock can be had."""
        number = await self._read(schema.version)
        if number != schema.NEWEST:
            raise StoreUnavailable(
                f"the file has schema version {number}, wanted is {schema.NEWEST}: run session-keeper migrate"
            )
        await self._updates.health.check(lambda: self._write(schema.touch))

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        async with self._in_time():
            return await self._readers.run(query)

    async def _write(self, run: Callable[[sqlite3.Connection], T]) -> T:
        async with self._in_time():
            return await self._writer.transaction(run)

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                yield
        except TimeoutError as error:
            raise StoreUnavailable(f"SQLite did not answer in {self._timeout_seconds} s") from error


class _Readers:
    """Threads that read; write-ahead logging lets them go on while the writer writes."""

    def __init__(self, open_file: Callable[[], DatabaseFile], count: int) -> None:
        self._open_file = open_file
        self._local = local()
        self._files: list[DatabaseFile] = []
        self._closed = False
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="sqlite-reader")

    async def run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, query)

    def _run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        file: DatabaseFile | None = getattr(self._local, "file", None)
        if file is None:
            file = self._local.file = self._open_file()
            self._files.append(file)
        with translated_errors():
            return query(file.connection())

    async def close(self) -> None:
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
        for file in self._files:
            file.close()


@asynccontextmanager
async def open_sqlite_store(path: Path, limits: StoreLimits) -> AsyncIterator[SqliteSessionStore]:
    """A store on the file at that path; it is made, and brought to the newest schema, if need be.

    Raises:
        StoreUnavailable: the file cannot be opened or made, or is of a newer version.
    """
    await asyncio.to_thread(migrate_file, path, limits.timeout_seconds)

    def open_file() -> DatabaseFile:
        return DatabaseFile(path, busy_seconds=limits.timeout_seconds)

    writer = SqliteWriter(open_file())
    batch_limits = BatchLimits(
        timeout_seconds=limits.timeout_seconds, batch_max=limits.batch_max, waiting_max=limits.waiting_max
    )
    updates = GroupCommit(writer, batch_limits, name="SQLite")
    readers = _Readers(open_file, READERS)
    try:
        yield SqliteSessionStore(updates, writer, readers, limits)
    finally:
        await updates.close()
        await writer.close()
        await readers.close()


def migrate_file(path: Path, busy_seconds: float) -> int:
    """Makes the file if there is none, and brings it to the newest schema; gives the steps taken."""
    file = DatabaseFile(path, busy_seconds=busy_seconds, create=True)
    with translated_errors():
        try:
            return schema.migrate(file.connection())
        finally:
            file.close()
