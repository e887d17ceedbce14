"""A store in memory whose exchanges lose, fail and hang as a test wants."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from adapters.storage.batch import BatchStore, BatchUnwritable, Found, SessionsHeld
from adapters.storage.decision_batch import SessionWrite
from adapters.storage.record import SessionRecord
from application.errors import StoreUnavailable
from domain.ids import SessionId

POISON = "poison"
"""The name of a variable that this store cannot write."""


class ScriptedStore(BatchStore):
    """Attributes:
    exchanges: the sessions of each one, in the order in which they began.
    losses: how many more times a session loses its race.
    unread: how many more exchanges end before anything was read.
    held: sessions that make an exchange fail as a whole.
    failures: what the next exchanges that want to write raise, one each.
    stuck: sessions whose exchanges do not end before `free` was called.
    """

    def __init__(self) -> None:
        self.records: dict[SessionId, SessionRecord] = {}
        self.exchanges: list[list[str]] = []
        self.losses: Counter[str] = Counter()
        self.unread = 0
        self.held: set[str] = set()
        self.failures: list[Exception] = []
        self.stuck: set[str] = set()
        self._freed = asyncio.Event()
        self._under_way: set[SessionId] = set()

    def free(self) -> None:
        self.stuck.clear()
        self._freed.set()

    async def exchange(
        self, session_ids: Sequence[SessionId], decide: Callable[[Found], Sequence[SessionWrite]]
    ) -> Collection[SessionId]:
        assert self._under_way.isdisjoint(session_ids)
        assert len(set(session_ids)) == len(session_ids) > 0
        self.exchanges.append(list(session_ids))
        self._under_way.update(session_ids)
        try:
            await asyncio.sleep(0)
            if self.stuck.intersection(session_ids):
                await self._freed.wait()
            if self.unread > 0:
                self.unread -= 1
                return ()
            return self._written(decide({s: self.records[s] for s in session_ids if s in self.records}))
        finally:
            self._under_way.difference_update(session_ids)

    def _written(self, writes: Sequence[SessionWrite]) -> Collection[SessionId]:
        if held := self.held.intersection(write.session_id for write in writes):
            raise SessionsHeld([SessionId(session_id) for session_id in held])
        if writes and self.failures:
            raise self.failures.pop(0)
        if any(write.record and POISON.encode() in write.record.document for write in writes):
            raise BatchUnwritable("it cannot be written")
        won = []
        for write in writes:
            if self.losses[write.session_id] > 0:
                self.losses[write.session_id] -= 1
                continue
            won.append(write.session_id)
            if write.state_changed and write.record is None:
                self.records.pop(write.session_id, None)
            elif write.record is not None:
                self.records[write.session_id] = write.record
        return won

    def variables(self, session_id: str) -> set[str]:
        record = self.records.get(SessionId(session_id))
        return set() if record is None else set(record.state().context.texts)


def unavailable() -> StoreUnavailable:
    return StoreUnavailable("no answer")
