"""The one thread that writes: batches of updates, and now and then something else, each in a transaction."""

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from adapters.sqlite import statements
from adapters.sqlite.connection import DatabaseFile, translated_errors
from adapters.storage.batch import BatchStore, BatchUnwritable, Found
from adapters.storage.decision_batch import SessionWrite
from adapters.storage.record import RecordUnreadable, SessionRecord
from application.errors import StoreUnavailable
from domain.decisions.unreadable import UnreadableSession
from domain.ids import SessionId

T = TypeVar("T")


class SqliteWriter(BatchStore):
    def __init__(self, file: DatabaseFile) -> None:
        self._file = file
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._is_closed = False

    async def exchange(
        self, session_ids: Sequence[SessionId], decide: Callable[[Found], Sequence[SessionWrite]]
    ) -> Collection[SessionId]:
        """Everybody wins: the transaction keeps all other writers of the file away."""

        def read_decide_and_write(connection: sqlite3.Connection) -> None:
            found = _found(connection, session_ids)
            statements.write(connection, decide(found), found)

        try:
            await self.transaction(read_decide_and_write)
        except StoreUnavailable as error:
            if _is_about_one(error.__cause__):
                raise BatchUnwritable(str(error)) from error
            raise
        return session_ids

    async def transaction(self, run: Callable[[sqlite3.Connection], T]) -> T:
        """What a function of the connection gives, once the transaction in which it ran is committed."""
        if self._is_closed:
            raise StoreUnavailable("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, run)

    def _run(self, run: Callable[[sqlite3.Connection], T]) -> T:
        with translated_errors():
            connection = self._file.connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = run(connection)
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        return result

    async def close(self) -> None:
        self._is_closed = True
        await asyncio.to_thread(self._thread.shutdown)
        self._file.close()


def _found(connection: sqlite3.Connection, session_ids: Sequence[SessionId]) -> Found:
    try:
        return {record.session_id: record for record in statements.records(connection, session_ids)}
    except RecordUnreadable:
        found = {session_id: _read(connection, session_id) for session_id in session_ids}
        return {session_id: each for session_id, each in found.items() if each is not None}


def _read(
    connection: sqlite3.Connection, session_id: SessionId
) -> SessionRecord | UnreadableSession | RecordUnreadable | None:
    try:
        return statements.record(connection, session_id)
    except RecordUnreadable as error:
        return statements.columns(connection, session_id, str(error)) or error


def _is_about_one(error: BaseException | None) -> bool:
    """Whether it is about what one of them writes, or about a damaged page that one of them needs."""
    if isinstance(error, sqlite3.IntegrityError | sqlite3.DataError):
        return True
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CORRUPT
