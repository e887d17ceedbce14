"""Gathering concurrent updates into one read and one write.

No timer: the next batch is whatever arrived while the last one was under way. The write is a single
statement that compares each session's version and writes session and audit entries together, so no lock
is ever held between two messages to the server: a process that is stopped in between stops nobody else.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from adapters.postgres import rows, statements
from adapters.postgres.connection import Connections
from adapters.storage.record import RecordUnreadable
from application.decision_batch import SessionWrite, decide_in_order
from application.errors import StoreUnavailable
from domain.decisions import Decide, Decision
from domain.identity import SessionId

_log = logging.getLogger("session_keeper.store")
_BAD_DATA = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)


@dataclass(slots=True, eq=False)
class _Update:
    session_id: SessionId
    decide: Decide
    answer: "asyncio.Future[Decision]"
    races: int = 0


class UpdateBatches:
    def __init__(
        self,
        connections: Connections,
        *,
        batch_max: int,
        waiting_max: int,
        races_max: int,
    ) -> None:
        self._connections = connections
        self._batch_max = batch_max
        self._waiting_max = waiting_max
        self._races_max = races_max
        self._waiting: deque[_Update] = deque()
        self._work = asyncio.Event()
        self._closed = False

    async def update(self, session_id: SessionId, decide: Decide) -> Decision:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        if len(self._waiting) >= self._waiting_max:
            raise StoreUnavailable(f"{self._waiting_max} writes are waiting already")
        update = _Update(session_id, decide, asyncio.get_running_loop().create_future())
        self._waiting.append(update)
        self._work.set()
        return await update.answer

    async def run(self) -> None:
        """Works until it is cancelled; who still waits then is told that the store is closed."""
        try:
            while True:
                await self._work.wait()
                batch = self._gather()
                if batch:
                    await self._attempt(batch)
        finally:
            self._closed = True
            _fail(self._waiting, StoreUnavailable("the store is being closed"))

    def _gather(self) -> list[_Update]:
        batch: list[_Update] = []
        while self._waiting and len(batch) < self._batch_max:
            update = self._waiting.popleft()
            if not update.answer.done():
                batch.append(update)
        if not self._waiting:
            self._work.clear()
        return batch

    async def _attempt(self, batch: Sequence[_Update]) -> None:
        try:
            await self._write(batch)
        except StoreUnavailable as error:
            cause = error.__cause__
            if isinstance(cause, asyncpg.DeadlockDetectedError | asyncpg.SerializationError):
                self._again(batch)
            elif isinstance(cause, _BAD_DATA):
                await self._attempt_apart(batch, error)
            else:
                _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - the loop must live, the callers are told
            _log.exception("a write failed for a reason of our own")
            await self._attempt_apart(batch, StoreUnavailable(f"PostgreSQL: {type(error).__name__}"))
        except BaseException:
            _fail(batch, StoreUnavailable("the write was broken off"))
            raise

    async def _attempt_apart(self, batch: Sequence[_Update], error: StoreUnavailable) -> None:
        """One of them cannot be written: each session by itself, then each update, so that it is alone."""
        if len(batch) == 1:
            _fail(batch, error)
            return
        sessions = _by_session(batch)
        parts = list(sessions.values()) if len(sessions) > 1 else [[update] for update in batch]
        for part in parts:
            await self._attempt(part)

    async def _write(self, batch: Sequence[_Update]) -> None:
        by_session = _by_session(batch)
        async with self._connections.one() as connection:
            found = {
                SessionId(row["session_id"]): row
                for row in await connection.fetch(statements.READ, list(by_session))
            }
            writes, answers = _decided(by_session, found)
            won = await self._written(connection, writes, found)
        for session_id, answer in answers.items():
            updates = by_session[session_id]
            if session_id in won:
                _give(updates, answer)
            else:
                self._again(updates)

    async def _written(
        self,
        connection: "PoolConnectionProxy[asyncpg.Record]",
        writes: Sequence[SessionWrite],
        found: dict[SessionId, Any],
    ) -> set[SessionId]:
        """The sessions whose decisions stand: nobody changed them in between."""
        needed = [write for write in writes if write.needed]
        won = {write.session_id for write in writes if not write.needed}
        if needed:
            versions = {session_id: row["version"] for session_id, row in found.items()}
            columns = [*rows.session_columns(needed, versions), *rows.audit_columns(needed)]
            won |= {row["session_id"] for row in await connection.fetch(statements.WRITE, *columns)}
        return won

    def _again(self, updates: Sequence[_Update]) -> None:
        """Somebody else was faster: decide anew on what is there now, before everything that came later."""
        for update in reversed(updates):
            update.races += 1
            if update.races > self._races_max:
                _fail([update], StoreUnavailable(f"lost {self._races_max} races for the session"))
            else:
                self._waiting.appendleft(update)
                self._work.set()


def _by_session(updates: Sequence[_Update]) -> dict[SessionId, list[_Update]]:
    sessions: dict[SessionId, list[_Update]] = {}
    for update in updates:
        sessions.setdefault(update.session_id, []).append(update)
    return sessions


def _decided(
    by_session: dict[SessionId, list[_Update]], found: dict[SessionId, Any]
) -> tuple[list[SessionWrite], dict[SessionId, Sequence[Decision | Exception]]]:
    writes: list[SessionWrite] = []
    answers: dict[SessionId, Sequence[Decision | Exception]] = {}
    for session_id, updates in by_session.items():
        row = found.get(session_id)
        try:
            before = None if row is None else rows.state_of(row)
        except RecordUnreadable as error:
            _fail(updates, StoreUnavailable(str(error)))
            continue
        write, answers[session_id] = decide_in_order(session_id, before, (u.decide for u in updates))
        writes.append(write)
    return writes, answers


def _give(updates: Sequence[_Update], answers: Sequence[Decision | Exception]) -> None:
    for update, answer in zip(updates, answers, strict=True):
        if update.answer.done():
            continue
        if isinstance(answer, Exception):
            update.answer.set_exception(answer)
        else:
            update.answer.set_result(answer)


def _fail(updates: Sequence[_Update] | deque[_Update], error: StoreUnavailable) -> None:
    for update in updates:
        if not update.answer.done():
            update.answer.set_exception(StoreUnavailable(str(error)))
