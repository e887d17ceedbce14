"""One batch from its first attempt until each of its callers is answered or put back into the queue."""

import logging
from abc import abstractmethod
from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TypeVar

from adapters.storage.batch import (
    Batch,
    BatchLimits,
    BatchStore,
    BatchUnwritable,
    Found,
    SessionsHeld,
    Update,
    fail,
    give,
)
from adapters.storage.decision_batch import Answer, SessionWrite, decide_in_order
from adapters.storage.record import RecordUnreadable, SessionRecord
from adapters.storage.unreadable import state_or_columns
from adapters.storage.write_health import WriteHealth
from application.errors import SessionUnreadable, StoreUnavailable
from domain.ids import SessionId

T = TypeVar("T")
_log = logging.getLogger("session_keeper.store")


class BatchQueue(Protocol):
    """Where the sessions of a batch go back to."""

    @abstractmethod
    def answered(self, session_ids: Collection[SessionId]) -> None:
        """All updates of these sessions have their answers: they may be in another batch from now on."""

    @abstractmethod
    def release(self, session_id: SessionId, back: Sequence[Update], *, lost: bool, alone: bool) -> None:
        """The session may be in another batch from now on.

        Args:
            back: updates that are to be decided anew, before everything that came later.
            lost: somebody else was faster or holds it: there is a pause first.
            alone: it is in no batch with others until it was written.
        """

    @abstractmethod
    def fitted(self, decided: int, deferred: int) -> None:
        """How many updates of a batch were decided, and for how many it was too large."""


class BatchAttempts:
    def __init__(
        self,
        batch: Batch,
        *,
        store: BatchStore,
        queue: BatchQueue,
        limits: BatchLimits,
        clock: Callable[[], float],
        health: WriteHealth,
        name: str,
    ) -> None:
        self._parts = [batch]
        self._store = store
        self._queue = queue
        self._limits = limits
        self._clock = clock
        self._health = health
        self._name = name
        self._back: Batch = {}
        self._lost: set[SessionId] = set()
        self._alone: set[SessionId] = set()

    async def run(self) -> None:
        while self._parts:
            part = attempted = self._parts.pop()
            if self._back:
                for session_id in self._back.keys() & part.keys():  # an earlier part of it was put back
                    self._back[session_id] += part[session_id]
                attempted = {key: updates for key, updates in part.items() if key not in self._back}
            try:
                if attempted:
                    await self._attempt(attempted)
            except BaseException:
                for broken_off in (part, *self._parts):
                    _fail_all(broken_off, "the write was broken off")
                raise
            if not self._parts and not self._back and not self._alone:  # as nearly always
                self._queue.answered(part)
                continue
            for session_id in part:
                if not any(session_id in later for later in self._parts):
                    self._release(session_id)

    async def _attempt(self, part: Batch) -> None:
        decided = _Decided(part, self._limits, self._clock)
        try:
            won = await self._store.exchange(list(part), decided.decide)
        except SessionsHeld as held:
            self._without(part, held.session_ids)
        except BatchUnwritable as error:
            self._apart(part, error)
        except StoreUnavailable as error:
            self._health.failed(str(error))
            decided.answer(())
            _fail_all(part, str(error))
        except Exception as error:  # noqa: BLE001 - the queue must go on, the callers get the error
            _log.exception("a write failed for a reason of our own")
            self._apart(part, StoreUnavailable(f"{self._name}: {type(error).__name__}"))
        else:
            self._settle(part, decided, won)

    def _settle(self, part: Batch, decided: "_Decided", won: Collection[SessionId]) -> None:
        if won and decided.writes:
            self._health.succeeded()
        late = [session_id for session_id in part if session_id not in decided.answers]
        lost = decided.answer(won) if decided.answers else late
        self._lost.update(lost)
        for session_id in (*lost, *late):
            self._back[session_id] = part[session_id]
        if decided.answers:
            updates = sum(map(len, decided.answers.values()))
            self._queue.fitted(updates, sum(len(part[session_id]) for session_id in late))

    def _apart(self, part: Batch, error: StoreUnavailable) -> None:
        """Halves of the sessions, then of the updates of one, until the one at fault is alone."""
        if len(part) > 1:
            halves = _halved(list(part))
            self._parts += [{key: part[key] for key in half} for half in reversed(halves)]
            return
        ((session_id, updates),) = part.items()
        if len(updates) > 1:
            self._parts += [{session_id: half} for half in reversed(_halved(updates))]
        else:
            fail(updates, str(error))

    def _without(self, part: Batch, held: Collection[SessionId]) -> None:
        """The others at once, and each of these in a batch of its own, since it makes others wait."""
        others = {key: updates for key, updates in part.items() if key not in held}
        if others:
            self._parts.append(others)
        for session_id in part.keys() - others.keys():
            self._back[session_id] = part[session_id]
            self._alone.add(session_id)
            if len(part) == 1:
                self._lost.add(session_id)

    def _release(self, session_id: SessionId) -> None:
        self._queue.release(
            session_id,
            self._back.get(session_id, ()),
            lost=session_id in self._lost,
            alone=session_id in self._alone,
        )


class _Decided:
    """What was decided about the sessions of one exchange."""

    def __init__(self, part: Batch, limits: BatchLimits, clock: Callable[[], float]) -> None:
        self.answers: dict[SessionId, Sequence[Answer]] = {}
        self.writes: dict[SessionId, SessionWrite] = {}
        self._part = part
        self._limits = limits
        self._clock = clock

    def decide(self, found: Found) -> list[SessionWrite]:
        """Session by session, as many as fit into one write; the first one always does."""
        ends_at = self._clock() + self._limits.decide_seconds_max
        byte_size = 0
        for session_id, updates in self._part.items():
            if self.answers and (self._clock() >= ends_at or byte_size >= self._limits.byte_size_max):
                break
            write, answers = _decided(session_id, found, updates)
            more = write.byte_size if write is not None else 0
            if byte_size and byte_size + more > self._limits.byte_size_max:
                break
            byte_size += more
            self.answers[session_id] = answers
            if write is not None and write.needed:
                self.writes[session_id] = write
        return list(self.writes.values())

    def answer(self, won: Collection[SessionId]) -> list[SessionId]:
        """Answers those whose decisions stand; gives the sessions whose writes were left out."""
        lost = []
        for session_id, answers in self.answers.items():
            if session_id in won or session_id not in self.writes:
                give(self._part[session_id], answers)
            else:
                lost.append(session_id)
        return lost


def _decided(
    session_id: SessionId, found: Found, updates: Sequence[Update]
) -> tuple[SessionWrite | None, Sequence[Answer]]:
    record = found.get(session_id)
    if isinstance(record, RecordUnreadable):
        return None, [SessionUnreadable(str(record)) for _ in updates]
    before = state_or_columns(record) if isinstance(record, SessionRecord) else record
    return decide_in_order(session_id, before, [update.decide for update in updates])


def _halved(items: list[T]) -> tuple[list[T], list[T]]:
    middle = len(items) // 2
    return items[:middle], items[middle:]


def _fail_all(part: Batch, reason: str) -> None:
    for updates in part.values():
        fail(updates, reason)
