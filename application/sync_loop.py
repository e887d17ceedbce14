"""Working off what is due, for as long as the service runs."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from application.errors import GenesysMisconfigured, StoreUnavailable
from application.ports import CallBudget, Clock, SessionStore
from application.sync_brake import BrakePolicy, SyncBrake
from application.sync_session import SyncAttempt, SyncSession, SyncSessionHandler
from domain.identity import SessionId
from domain.session import SessionState

_log = logging.getLogger("session_keeper.sync")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncLoopPolicy:
    """How the loop works.

    Attributes:
        concurrency_max: calls under way at once.
        poll_seconds: how often the store is asked when nobody in this process says that there is work.
        store_pause_seconds: the wait after the store did not answer.
    """

    concurrency_max: int = 8
    poll_seconds: float = 0.25
    store_pause_seconds: float = 1.0
    brake: BrakePolicy = field(default_factory=BrakePolicy)


class SyncLoop:
    """One per process. Several processes share a store: a session that another has claimed is passed over."""

    def __init__(
        self,
        *,
        store: SessionStore,
        budget: CallBudget,
        clock: Clock,
        sync_session: SyncSessionHandler,
        policy: SyncLoopPolicy,
    ) -> None:
        self._store = store
        self._budget = budget
        self._clock = clock
        self._sync_session = sync_session
        self._policy = policy
        self._brake = SyncBrake(policy.brake)
        self._work = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def misconfigured(self) -> GenesysMisconfigured | None:
        return self._brake.misconfigured

    async def sync_soon(self, session_id: SessionId) -> SessionState | None:  # noqa: ARG002 - the store knows the order
        """Says that there is work; it is done in the order that the store gives."""
        self._work.set()
        return None

    async def run(self) -> None:
        """Runs until it is cancelled; then claims that are held are given back."""
        try:
            while True:
                await self._one_round()
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _one_round(self) -> None:
        try:
            await self._wait_for_a_place()
            candidates = await self._candidates()
            if not candidates:
                await self._wait_for_work()
                return
            for session_id in candidates:
                await self._wait_for_a_place()
                await self._budget.take()
                self._start(session_id)
        except StoreUnavailable as error:
            _log.warning("store did not answer", extra={"reason": str(error)})
            await asyncio.sleep(self._policy.store_pause_seconds)

    async def _candidates(self) -> Sequence[SessionId]:
        self._work.clear()
        return await self._store.due_for_sync(self._clock.now(), self._policy.concurrency_max)

    async def _wait_for_a_place(self) -> None:
        loop = asyncio.get_running_loop()
        while len(self._running) >= (1 if self._brake.on else self._policy.concurrency_max):
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        while pause := self._brake.pause_seconds(loop.time()):
            await asyncio.sleep(pause)

    async def _wait_for_work(self) -> None:
        try:
            async with asyncio.timeout(self._policy.poll_seconds):
                await self._work.wait()
        except TimeoutError:
            return

    def _start(self, session_id: SessionId) -> None:
        task = asyncio.create_task(self._attempt(session_id))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _attempt(self, session_id: SessionId) -> None:
        try:
            attempt = await self._sync_session(SyncSession(session_id=session_id))
        except StoreUnavailable as error:
            _log.warning("store did not answer", extra={"session_id": session_id, "reason": str(error)})
            await asyncio.sleep(self._policy.store_pause_seconds)
            return
        if not attempt.claimed:
            self._budget.give_back()
            return
        self._note(session_id, attempt)

    def _note(self, session_id: SessionId, attempt: SyncAttempt) -> None:
        was_on, was_misconfigured = self._brake.on, self._brake.misconfigured is not None
        self._brake.note(attempt.error, asyncio.get_running_loop().time())
        if attempt.error is not None:
            level = logging.INFO if was_on else logging.WARNING
            reason = str(attempt.error)
            _log.log(level, "Genesys was not told", extra={"session_id": session_id, "reason": reason})
        if self._brake.misconfigured is not None and not was_misconfigured:
            reason = str(self._brake.misconfigured)
            _log.error("Genesys refuses our credentials; sync is all but stopped", extra={"reason": reason})
        if was_on and not self._brake.on:
            _log.info("Genesys answers again")


class InlineSync:
    """`SYNC_MODE=inline`: tries within the request, and leaves the rest to the loop."""

    def __init__(
        self, *, budget: CallBudget, sync_session: SyncSessionHandler, loop: SyncLoop, seconds_max: float
    ) -> None:
        self._budget = budget
        self._sync_session = sync_session
        self._loop = loop
        self._seconds_max = seconds_max
        self._running: set[asyncio.Task[SessionState | None]] = set()

    async def sync_soon(self, session_id: SessionId) -> SessionState | None:
        """The session after the attempt, or None when that takes longer than the request may."""
        task = asyncio.create_task(self._attempt(session_id))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        done, _ = await asyncio.wait({task}, timeout=self._seconds_max)
        if not done:
            return None
        return task.result()

    async def _attempt(self, session_id: SessionId) -> SessionState | None:
        try:
            async with asyncio.timeout(self._seconds_max):
                await self._budget.take()
        except TimeoutError:
            return await self._loop.sync_soon(session_id)
        try:
            attempt = await self._sync_session(SyncSession(session_id=session_id))
        except StoreUnavailable:
            return None
        if not attempt.claimed:
            self._budget.give_back()
        if attempt.error is not None:
            await self._loop.sync_soon(session_id)
        return attempt.state

    async def close(self) -> None:
        """Waits for what is under way; called once no request comes any more."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
