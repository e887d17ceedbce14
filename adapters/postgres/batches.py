"""A batch in PostgreSQL: one read and one write.

The write is a single statement that compares each session's version and writes sessions and audit entries
together, so no lock is ever held between two messages to the server: a process that is stopped in between
stops nobody else. It skips the rows that somebody else has locked. What it may wait for, as long as
`lock_timeout`, is the end of a transaction that inserts the same session or holds the whole table.
"""

from collections.abc import Callable, Collection, Sequence

import asyncpg

from adapters.postgres import rows, statements
from adapters.postgres.connection import Connections
from adapters.storage.batch import BatchStore, BatchUnwritable, Found, SessionsHeld
from adapters.storage.decision_batch import SessionWrite
from application.errors import StoreUnavailable
from domain.ids import SessionId

_BAD_DATA = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)
_LOST = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)


class PostgresBatches(BatchStore):
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def exchange(
        self, session_ids: Sequence[SessionId], decide: Callable[[Found], Sequence[SessionWrite]]
    ) -> Collection[SessionId]:
        may_wait: set[SessionId] = set()
        try:
            async with self._connections.one() as connection:
                found = await connection.fetch(statements.READ, session_ids)
                versions = {SessionId(row["session_id"]): row["version"] for row in found}
                writes = decide({SessionId(row["session_id"]): rows.record_or_columns(row) for row in found})
                if not writes:
                    return ()
                may_wait = {w.session_id for w in writes if w.forgets_audit or w.session_id not in versions}
                columns = [*rows.session_columns(writes, versions), *rows.audit_columns(writes)]
                only_records = all(write.record is not None for write in writes)
                write = statements.WRITE_RECORDS if only_records else statements.WRITE
                return {row["session_id"] for row in await connection.fetch(write, *columns)}
        except StoreUnavailable as error:
            cause = error.__cause__
            if isinstance(cause, asyncpg.LockNotAvailableError) and may_wait:
                raise SessionsHeld(may_wait) from error
            if isinstance(cause, (*_LOST, asyncpg.LockNotAvailableError)):
                return ()
            if isinstance(cause, _BAD_DATA):
                raise BatchUnwritable(str(error)) from error
            raise
