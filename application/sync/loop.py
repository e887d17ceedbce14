"""The sync loop: delivers sessions that are due, for as long as the server process runs."""

import asyncio
import logging
import math
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from application.errors import SessionUnreadable, StoreUnavailable
from application.ports.genesys import CallBudget, CallPermit
from application.ports.runtime import Clock
from application.ports.session_store import SessionStore
from application.sync.attempt import SyncSession, SyncSessionHandler
from application.sync.candidates import SyncCandidates
from application.sync.conclusions import SyncConclusions
from application.sync.lanes import LanePolicy
from domain.ids import SessionId
from domain.session.state import SessionState
from domain.sync.state import SyncFailure

STORE_FAULTS_MAX = 3
NEW_FRACTION = 0.3
"""The weight of the newest call in the moving average of how long calls take."""
_log = logging.getLogger("session_keeper.sync")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncLoopPolicy:
    """Concurrency and pauses of the loop.

    Attributes:
        concurrency_max: calls under way at once.
        poll_seconds: how often the store is asked without a change in this server process.
        store_pause_seconds: the pause after the store has failed to answer several times in a row.
        stop_seconds: how long calls under way may go on when the loop is stopped.
    """

    concurrency_max: int = 8
    poll_seconds: float = 0.25
    store_pause_seconds: float = 1.0
    stop_seconds: float = 3.0
    lanes: LanePolicy = field(default_factory=LanePolicy)


class SyncLoop:
    """One per server process. Replicas share a store: a session that another has claimed is not due here."""

    def __init__(
        self,
        *,
        store: SessionStore,
        budget: CallBudget,
        clock: Clock,
        sync_session: SyncSessionHandler,
        conclusions: SyncConclusions,
        policy: SyncLoopPolicy,
    ) -> None:
        self._budget = budget
        self._sync_session = sync_session
        self._policy = policy
        self._circuit_breaker = conclusions.circuit_breaker
        self._candidates = SyncCandidates(
            store=store, budget=budget, clock=clock, conclusions=conclusions, policy=policy.lanes
        )
        self._work = asyncio.Event()
        self._under_way: dict[SessionId, asyncio.Task[SessionState | None]] = {}
        self._store_faults = 0
        self._call_seconds = 0.0

    @property
    def misconfigured(self) -> SyncFailure | None:
        """Why nothing can be delivered until an operator changes something; None: nothing of that kind."""
        return self._circuit_breaker.misconfigured

    async def sync_soon(self, session_id: SessionId) -> SessionState | None:
        """Wakes the loop; sessions are delivered in the order of the store. Always gives None."""
        self._candidates.changed(session_id)
        self._work.set()
        return None

    async def run(self) -> None:
        """Runs until it is cancelled; then calls may end, and claims that are still held are released."""
        try:
            while True:
                await self._one_round()
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Waits up to `stop_seconds` for calls under way, and releases the claims of the rest."""
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=self._policy.stop_seconds)
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def deliver_now(self, session_id: SessionId) -> SessionState | None:
        """Delivers this session out of turn, once there is a permit; gives the session after the attempt.

        None when the session is gone or the store fails.
        """
        while True:
            while (task := self._under_way.get(session_id)) is not None:
                await asyncio.wait({task})
            await self._wait_for_a_place()
            async with AsyncExitStack() as held:
                permit = await held.enter_async_context(self._budget.permit())
                if session_id not in self._under_way and self._place_is_free():
                    return await asyncio.shield(self._start(session_id, permit, held.pop_all()))

    def is_under_way(self, session_id: SessionId) -> bool:
        """Whether this process has an attempt at this session under way."""
        return session_id in self._under_way

    def closed_seconds(self) -> float:
        """The seconds for which no call but a probe is made; infinite while the circuit breaker is open."""
        return math.inf if self._circuit_breaker.is_open else self._budget.figures().closed_seconds

    def likely_seconds(self, ahead: int) -> float:
        """How long `deliver_now` is likely to take behind so many others; infinite while the breaker is open.

        The longer of the waits for a permit and for a place, and the recent duration of a call.
        """
        if self._circuit_breaker.is_open:
            return math.inf
        places = self._circuit_breaker.places(self._policy.concurrency_max)
        too_many = max(0, len(self._under_way) + ahead + 1 - places)
        for_a_place = math.ceil(too_many / places) * self._call_seconds
        return max(self._budget.wait_seconds(ahead), for_a_place) + self._call_seconds

    async def _one_round(self) -> None:
        await self._wait_for_a_place()
        async with AsyncExitStack() as held:
            permit = await held.enter_async_context(self._budget.permit())
            if not self._place_is_free():
                return
            self._work.clear()
            try:
                session_id = await self._candidates.next(self._under_way)
            except StoreUnavailable as error:
                self._note_store_fault(error)
                session_id = None
            if session_id is not None:
                self._start(session_id, permit, held.pop_all())
                return
        await self._wait_for_work()

    def _place_is_free(self) -> bool:
        now = self._now()
        places = self._circuit_breaker.places(self._policy.concurrency_max)
        return len(self._under_way) < places and not self._circuit_breaker.pause_seconds(now)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _wait_for_a_place(self) -> None:
        if self._store_faults >= STORE_FAULTS_MAX:
            await asyncio.sleep(self._policy.store_pause_seconds)
        while not self._place_is_free():
            pause = self._circuit_breaker.pause_seconds(self._now())
            if self._under_way:
                await asyncio.wait(
                    self._under_way.values(), timeout=pause or None, return_when=asyncio.FIRST_COMPLETED
                )
            else:
                await asyncio.sleep(pause)

    async def _wait_for_work(self) -> None:
        try:
            async with asyncio.timeout(self._policy.poll_seconds):
                await self._work.wait()
        except TimeoutError:
            return

    def _start(
        self, session_id: SessionId, permit: CallPermit, held: AsyncExitStack
    ) -> asyncio.Task[SessionState | None]:
        """Starts an attempt with this permit. The task owns `held`, which gives an unspent permit back."""
        task = asyncio.create_task(self._attempt(session_id, permit, held))
        self._under_way[session_id] = task
        task.add_done_callback(lambda _: self._under_way.pop(session_id, None))
        return task

    async def _attempt(
        self, session_id: SessionId, permit: CallPermit, held: AsyncExitStack
    ) -> SessionState | None:
        async with held:
            return await self._attempted(session_id, permit)

    async def _attempted(self, session_id: SessionId, permit: CallPermit) -> SessionState | None:
        """The session after the attempt; None when it failed, which does not stop the loop."""
        began = self._now()
        try:
            attempt = await self._sync_session(SyncSession(session_id=session_id), permit)
        except SessionUnreadable:
            return None  # the record is at fault, not the store
        except StoreUnavailable as error:
            self._note_store_fault(error)
            return None
        except Exception:  # noqa: BLE001 - the conclusions were drawn
            return None
        if attempt.fault is not None:
            self._note_store_fault(attempt.fault)
        elif attempt.claimed:
            self._store_faults = 0
            self._note_duration(self._now() - began)
        return attempt.state

    def _note_duration(self, seconds: float) -> None:
        before = self._call_seconds or seconds
        self._call_seconds = before + (seconds - before) * NEW_FRACTION

    def _note_store_fault(self, error: StoreUnavailable) -> None:
        self._store_faults += 1
        if self._store_faults == STORE_FAULTS_MAX:
            _log.warning("store does not answer", extra={"reason": str(error)})
