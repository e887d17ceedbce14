"""The one thread that writes: it gathers what waits into one transaction and one commit.

No timer: the next batch is whatever arrived while the last one was being written. Each caller is answered
after its commit.
"""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from adapters.sqlite import statements
from adapters.sqlite.connection import DatabaseFile, translated_errors
from adapters.storage.record import RecordUnreadable
from application.decision_batch import SessionWrite, decide_in_order
from application.errors import StoreUnavailable
from domain.decisions import Decide, Decision
from domain.identity import SessionId

_log = logging.getLogger("session_keeper.store")


@dataclass(frozen=True, slots=True, eq=False)
class _Update:
    session_id: SessionId
    decide: Decide
    answer: "asyncio.Future[Any]"


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    run: Callable[[sqlite3.Connection], object]
    answer: "asyncio.Future[Any]"


_Answers = list[tuple["asyncio.Future[Any]", object]]


class BatchWriter:
    def __init__(self, file: DatabaseFile, *, batch_max: int, waiting_max: int) -> None:
        self._file = file
        self._batch_max = batch_max
        self._waiting_max = waiting_max
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Update | _Task | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def update(self, session_id: SessionId, decide: Decide) -> Decision:
        answer: asyncio.Future[Decision] = self._loop.create_future()
        self._put(_Update(session_id, decide, answer))
        return await answer

    async def task(self, run: Callable[[sqlite3.Connection], int]) -> int:
        """Runs a function of the connection in a transaction of its own."""
        answer: asyncio.Future[int] = self._loop.create_future()
        self._put(_Task(run, answer))
        return await answer

    async def close(self) -> None:
        """Returns once everything that waits is written."""
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _put(self, item: _Update | _Task) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        if self._queue.qsize() >= self._waiting_max:
            raise StoreUnavailable(f"{self._waiting_max} writes are waiting already")
        self._queue.put(item)

    def _run(self) -> None:
        open_for_more = True
        while open_for_more:
            batch, open_for_more = self._gather()
            updates = [item for item in batch if isinstance(item, _Update) and not item.answer.done()]
            answers = self._written(updates) if updates else []
            for item in batch:
                if isinstance(item, _Task) and not item.answer.done():
                    answers.append((item.answer, self._attempt(item.run)))
            if answers:
                self._loop.call_soon_threadsafe(_give, answers)
        self._file.close()

    def _gather(self) -> tuple[list[_Update | _Task], bool]:
        batch: list[_Update | _Task] = []
        item = self._queue.get()
        while item is not None:
            batch.append(item)
            if len(batch) >= self._batch_max:
                return batch, True
            try:
                item = self._queue.get_nowait()
            except Empty:
                return batch, True
        return batch, False

    def _written(self, updates: Sequence[_Update]) -> _Answers:
        """All in one transaction; if one of them is bad, in ever smaller ones until it is alone."""
        sessions = _by_session(updates)
        written = self._attempt(lambda connection: _write(connection, sessions))
        if isinstance(written, list):
            return written
        if len(updates) == 1 or not isinstance(written, _BadBatch):
            return [(update.answer, _plain(written)) for update in updates]
        parts = sessions if len(sessions) > 1 else [[update] for update in updates]
        return [answer for part in parts for answer in self._written(part)]

    def _attempt(self, run: Callable[[sqlite3.Connection], object]) -> object:
        """What a transaction gave, or the exception that it ended with."""
        try:
            with translated_errors():
                connection = self._file.connection()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    result = run(connection)
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
        except StoreUnavailable as error:
            return _BadBatch(str(error)) if _is_about_one(error.__cause__) else error
        except Exception as error:  # noqa: BLE001 - the thread must live, the callers are told
            _log.exception("a write failed for a reason of our own")
            return _BadBatch(f"SQLite: {type(error).__name__}")
        return result


class _BadBatch(StoreUnavailable):
    """One of the batch cannot be written; the others can."""


def _is_about_one(error: BaseException | None) -> bool:
    """Whether it is about what one of them writes, or about a damaged page that one of them needs."""
    if isinstance(error, sqlite3.IntegrityError | sqlite3.DataError):
        return True
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CORRUPT


def _plain(error: object) -> object:
    return StoreUnavailable(str(error)) if isinstance(error, _BadBatch) else error


def _by_session(updates: Sequence[_Update]) -> list[list[_Update]]:
    sessions: dict[SessionId, list[_Update]] = {}
    for update in updates:
        sessions.setdefault(update.session_id, []).append(update)
    return list(sessions.values())


def _write(connection: sqlite3.Connection, sessions: Sequence[Sequence[_Update]]) -> _Answers:
    answers: _Answers = []
    writes: list[SessionWrite] = []
    for updates in sessions:
        session_id = updates[0].session_id
        try:
            before = statements.read(connection, session_id)
        except RecordUnreadable as error:
            answers += [(update.answer, StoreUnavailable(str(error))) for update in updates]
            continue
        write, decided = decide_in_order(session_id, before, (update.decide for update in updates))
        writes.append(write)
        answers += zip((update.answer for update in updates), decided, strict=True)
    statements.write(connection, [write for write in writes if write.needed])
    return answers


def _give(answers: _Answers) -> None:
    for future, answer in answers:
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
