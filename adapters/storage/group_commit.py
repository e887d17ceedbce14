"""Group commit: concurrent updates of one process become one read and one write of many sessions.

No timer: the next batch is whatever arrived while the last one was under way. Each caller is answered
after its commit. More than one batch may be under way, but a session is in at most one of them, and its
updates are decided in the order in which they came. A store gives the strategy (`BatchStore`): how many
sessions are read and written at once. Everything else stands here.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence

from adapters.storage.batch import Batch, BatchLimits, BatchStore, Update, fail
from adapters.storage.batch_attempts import BatchAttempts, BatchQueue
from adapters.storage.write_health import WriteHealth
from application.errors import StoreUnavailable
from domain.decisions.decision import Decide, Decision
from domain.ids import SessionId


class GroupCommit(BatchQueue):
    """Open it and close it in the event loop that calls `update`.

    A session is in one of four places: nowhere; ready, with updates in its queue; in a batch; pausing.
    """

    def __init__(
        self,
        store: BatchStore,
        limits: BatchLimits,
        *,
        name: str,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.health = WriteHealth(clock=clock, window_seconds=limits.timeout_seconds)
        self._store = store
        self._limits = limits
        self._name = name
        self._clock = clock
        self._jitter = jitter
        self._queues: dict[SessionId, list[Update]] = {}
        self._ready: deque[SessionId] = deque()
        self._busy: set[SessionId] = set()
        self._pauses: dict[SessionId, asyncio.TimerHandle] = {}
        self._alone: set[SessionId] = set()
        self._alone_under_way = 0
        self._waiting = 0
        # In the order in which their time is over: they all have the same time from when they came.
        self._unanswered: dict[Update, None] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._batch_size = limits.batch_max
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_starting = False
        self._is_closed = False

    async def update(self, session_id: SessionId, decide: Decide) -> Decision:
        """As `SessionStore.update`.

        Raises:
            StoreUnavailable: closed, too many wait, no answer in time, or somebody else held the session
                for all of that time.
        """
        if self._is_closed:
            raise StoreUnavailable("the store is closed")
        if self._waiting >= self._limits.waiting_max:
            raise StoreUnavailable(f"busy: {self._limits.waiting_max} writes are waiting already")
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self._limits.timeout_seconds
        update = Update(session_id, decide, loop.create_future(), ends_at)
        if (queue := self._queues.get(session_id)) is not None:
            queue.append(update)
        else:
            self._queues[session_id] = [update]
            if session_id not in self._busy:
                self._ready.append(session_id)
        self._waiting += 1
        self._unanswered[update] = None
        if self._alarm is None:
            self._alarm = loop.call_at(ends_at, self._end_late_ones)
        self._start()
        try:
            return await update.answer
        finally:
            del self._unanswered[update]

    async def close(self) -> None:
        """Refuses what comes from now on; returns when everything that waits has been answered."""
        self._is_closed = True
        for session_id, pause in list(self._pauses.items()):
            pause.cancel()
            self._resume(session_id)
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def answered(self, session_ids: Collection[SessionId]) -> None:
        if self._alone:
            for session_id in session_ids:
                self.release(session_id, (), lost=False, alone=False)
            return
        self._busy.difference_update(session_ids)
        waiting = [session_id for session_id in session_ids if session_id in self._queues]
        if waiting:
            self._ready.extend(waiting)
            self._start()

    def release(self, session_id: SessionId, back: Sequence[Update], *, lost: bool, alone: bool) -> None:
        if lost and self._is_closed:
            fail(back, "the store is being closed")
            back = ()
        if back:
            self._queues[session_id] = [*back, *self._queues.get(session_id, ())]
            self._waiting += len(back)
        if session_id in self._alone:
            self._alone_under_way -= 1
        if alone:
            self._alone.add(session_id)
        if not back:
            self._alone.discard(session_id)
        if not lost or not back:
            self._resume(session_id)
            return
        for update in back:
            update.losses += 1
        self._pause(session_id, max(update.losses for update in back))

    def fitted(self, decided: int, deferred: int) -> None:
        """The next batch reads about what fits, so that little is read and not decided."""
        self._batch_size = max(1, decided) if deferred else min(self._limits.batch_max, self._batch_size * 2)

    def _end_late_ones(self) -> None:
        """One timer for all who wait: one for each would cost a fifth of what an update costs here."""
        loop, now = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        self._alarm = None
        for update in self._unanswered:
            if update.ends_at > now:
                self._alarm = loop.call_at(update.ends_at, self._end_late_ones)
                break
            if not update.answer.done():
                fail([update], self._why_late(update))

    def _why_late(self, update: Update) -> str:
        seconds = self._limits.timeout_seconds
        if not update.losses:
            return f"{self._name} did not answer in {seconds} s"
        who = f"session {update.session_id}"
        return f"{self._name}: {who} was held or changed by others for {seconds} s ({update.losses} tries)"

    def _start(self) -> None:
        """Starts a task that writes batches, unless one is about to gather what is ready."""
        if self._ready and not self._is_starting and len(self._tasks) < self._limits.under_way_max:
            self._is_starting = True
            task = asyncio.get_running_loop().create_task(self._work(), name="group-commit")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        self._is_starting = False
        while batch := self._gather():
            self._start()
            await BatchAttempts(
                batch,
                store=self._store,
                queue=self,
                limits=self._limits,
                clock=self._clock,
                health=self.health,
                name=self._name,
            ).run()
        if (task := asyncio.current_task()) is not None:
            self._tasks.discard(task)

    def _gather(self) -> Batch:
        batch: Batch = {}
        room = self._batch_size
        for _ in range(len(self._ready)):
            if room <= 0:
                break
            session_id = self._ready.popleft()
            if session_id in self._alone and (batch or not self._has_room_for_one_alone()):
                self._ready.append(session_id)
                continue
            updates = self._taken(session_id, room)
            if updates:
                batch[session_id] = updates
                self._busy.add(session_id)
                room -= len(updates)
            if updates and session_id in self._alone:
                self._alone_under_way += 1
                break
        return batch

    def _has_room_for_one_alone(self) -> bool:
        """Those that were held get all batches but one, so that they never stop the others."""
        return self._alone_under_way < max(1, self._limits.under_way_max - 1)

    def _taken(self, session_id: SessionId, room: int) -> list[Update]:
        """The next updates of a session whose callers still wait."""
        queue = self._queues.pop(session_id)
        self._waiting -= len(queue)
        updates = [update for update in queue if not update.answer.done()]
        if len(updates) > room:
            self._queues[session_id] = updates[room:]
            self._waiting += len(updates) - room
            del updates[room:]
        if not updates:
            self._alone.discard(session_id)
        return updates

    def _pause(self, session_id: SessionId, losses: int) -> None:
        seconds = self._limits.pause_seconds(losses, self._jitter())
        loop = asyncio.get_running_loop()
        self._pauses[session_id] = loop.call_later(seconds, self._resume, session_id)

    def _resume(self, session_id: SessionId) -> None:
        self._pauses.pop(session_id, None)
        self._busy.discard(session_id)
        if session_id in self._queues:
            self._ready.append(session_id)
            self._start()
