"""A batch of updates: what a store does with one, what it holds, and how large it may be."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from adapters.storage.decision_batch import Answer, SessionWrite
from adapters.storage.record import RecordUnreadable, SessionRecord
from application.errors import StoreUnavailable
from domain.decisions.decision import Decide, Decision
from domain.decisions.unreadable import UnreadableSession
from domain.ids import SessionId

Stored = SessionRecord | UnreadableSession | RecordUnreadable
Found = Mapping[SessionId, Stored]
"""What is stored of the sessions of a batch; those without a record are not in it.

Of a record that cannot be read the columns are given, and where not even they can be read, the error.
"""


class BatchUnwritable(StoreUnavailable):
    """Something in the batch cannot be written; it is found by taking the batch apart."""


class SessionsHeld(StoreUnavailable):
    """Nothing was written, since somebody else holds one of these sessions; the others can be written."""

    def __init__(self, session_ids: Collection[SessionId]) -> None:
        super().__init__("held by somebody else")
        self.session_ids = frozenset(session_ids)


class BatchStore(Protocol):
    """What a store gives: the reading and writing of many sessions in one atomic and durable step."""

    @abstractmethod
    async def exchange(
        self, session_ids: Sequence[SessionId], decide: Callable[[Found], Sequence[SessionWrite]]
    ) -> Collection[SessionId]:
        """Reads the sessions, calls `decide` once with what is there, and writes what that gives.

        `decide` is pure and may be called in another thread; when it gives nothing, nothing is written.
        A record is only written over the one that was read (compare-and-swap), and nothing here waits
        long for locks of others: a session that was changed in between or is locked is left out.

        Returns:
            The sessions whose writes are durable. The others are decided anew after a pause.

        Raises:
            BatchUnwritable: nothing was written, because of something in the batch.
            SessionsHeld: nothing was written, because of these sessions.
            StoreUnavailable: the store did not answer; every caller of the batch gets this error.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """Attributes:
    timeout_seconds: how long a caller waits in all.
    batch_max: updates in one batch.
    waiting_max: updates that wait; more are turned away at once.
    under_way_max: batches at the same time.
    byte_size_max: of the records in one write; a record that is larger is written by itself.
    decide_seconds_max: how long one batch decides; what comes after that is in the next batch.
    pause_seconds_min, pause_seconds_max: before a session that was held or changed is tried again.
    """

    timeout_seconds: float
    batch_max: int
    waiting_max: int
    under_way_max: int = 1
    byte_size_max: int = 4 * 1024 * 1024
    decide_seconds_max: float = 0.05
    pause_seconds_min: float = 0.002
    pause_seconds_max: float = 0.25

    def pause_seconds(self, losses: int, chance: float) -> float:
        """Before the next try after so many losses in a row: about twice the pause before it.

        Chance, from 0 up to 1, takes up to half of it away, so that two processes do not meet again.
        """
        longest = min(self.pause_seconds_max, self.pause_seconds_min * 2.0 ** min(losses - 1, 30))
        return longest * (1 - chance / 2)


@dataclass(slots=True, eq=False)
class Update:
    """One call of `SessionStore.update` that waits for its answer.

    Attributes:
        ends_at: when its caller's time is over, by the clock of the event loop.
        losses: how often others held or changed the session when it was to be written.
    """

    session_id: SessionId
    decide: Decide
    answer: "asyncio.Future[Decision]"
    ends_at: float
    losses: int = 0


Batch = dict[SessionId, list[Update]]
"""The updates of each session in the order in which they came; sessions in the order of their first."""


def give(updates: Iterable[Update], answers: Iterable[Answer]) -> None:
    """To each its answer, unless its caller has given up."""
    for update, answer in zip(updates, answers, strict=True):
        if update.answer.done():
            continue
        if isinstance(answer, StopIteration):  # a future cannot carry it
            update.answer.set_exception(RuntimeError("a decision raised StopIteration"))
        elif isinstance(answer, Exception):
            update.answer.set_exception(answer)
            update.answer.exception()  # a caller that gives up just now is no "exception never retrieved"
        else:
            update.answer.set_result(answer)


def fail(updates: Sequence[Update], reason: str) -> None:
    give(updates, [StoreUnavailable(reason) for _ in updates])
