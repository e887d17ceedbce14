"""A process that runs the sync loop: it can be stopped as by SIGSTOP, killed, and shut down in order."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from adapters.genesys.budget import GenesysBudget
from adapters.memory.store import MemorySessionStore
from application.errors import StoreUnavailable
from application.ports.runtime import IdGenerator
from application.ports.session_store import SessionStore
from application.sync.attempt import SyncSessionHandler
from application.sync.conclusions import ConclusionPolicy, SyncConclusions
from application.sync.loop import SyncLoop, SyncLoopPolicy
from domain.decisions.decision import Decide, Decision, Policies
from domain.ids import ClaimToken, PersistenceId, SessionId
from domain.sync.state import SyncLane
from tests.fakes import FakeMetrics
from tests.simulation.genesys_model import GenesysModel, Line, ModelGateway
from tests.simulation.virtual_loop import LoopClock

LOOP_POLICY = SyncLoopPolicy(concurrency_max=4, poll_seconds=2.0)


@dataclass(slots=True, kw_only=True)
class StoreWeather:
    """Chances that an update is not made, or made without our hearing of it."""

    failing: float = 0.0
    unheard: float = 0.0
    latency_max: float = 0.02

    def clears_up(self) -> None:
        self.failing = self.unheard = 0.0


class LineStore:
    """The shared store as one process sees it: every step may be the last, or come after a long stop."""

    def __init__(
        self, shared: MemorySessionStore, line: Line, weather: StoreWeather, dice: random.Random
    ) -> None:
        self._shared = shared
        self._line = line
        self._weather = weather
        self._dice = dice

    async def update(self, session_id: SessionId, decide: Decide) -> Decision:
        await self._step()
        if self._dice.random() < self._weather.failing:
            raise StoreUnavailable("nothing was written")
        decision = await self._shared.update(session_id, decide)
        await self._step()
        if self._dice.random() < self._weather.unheard:
            raise StoreUnavailable("written, but who knows")
        return decision

    async def due_for_sync(self, now: datetime, *, lane: SyncLane, limit: int) -> Sequence[SessionId]:
        await self._step()
        if self._dice.random() < self._weather.failing:
            raise StoreUnavailable("no answer")
        return await self._shared.due_for_sync(now, lane=lane, limit=limit)

    async def _step(self) -> None:
        await self._line.passes()
        await asyncio.sleep(self._dice.random() * self._weather.latency_max / 2)
        await self._line.passes()


class SeededIds(IdGenerator):
    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def persistence_id(self) -> PersistenceId:
        return PersistenceId(f"{self._dice.getrandbits(128):032x}0000")

    def claim_token(self) -> ClaimToken:
        return ClaimToken(f"{self._dice.getrandbits(64):016x}")

    def jitter(self) -> float:
        return self._dice.random()


@dataclass(slots=True, kw_only=True)
class Worker:
    name: str
    line: Line
    budget: GenesysBudget
    loop: SyncLoop
    task: "asyncio.Task[None]"
    leaves: bool = False

    @property
    def alive(self) -> bool:
        return not self.line.cut and not self.leaves

    def leave(self) -> None:
        """Shuts down in order, as fast as it can."""
        self.leaves = True
        self.line.go_on()
        self.task.cancel()

    def kill(self) -> None:
        """From now on nothing that it does has an effect."""
        self.line.cut = True

    async def shut_down(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def start_worker(
    name: str,
    *,
    shared: MemorySessionStore,
    store_weather: StoreWeather,
    model: GenesysModel,
    policies: Policies,
    dice: random.Random,
    ahead_seconds: float = 0.0,
    policy: SyncLoopPolicy = LOOP_POLICY,
) -> Worker:
    line, metrics, clock = Line(), FakeMetrics(), LoopClock(ahead_seconds=ahead_seconds)
    budget = GenesysBudget(calls_per_minute=model.window.allowed)
    store = cast(SessionStore, cast(Any, LineStore(shared, line, store_weather, dice)))
    conclusions = SyncConclusions(
        metrics=metrics, policy=ConclusionPolicy(backoff_seconds_min=policy.poll_seconds)
    )
    handler = SyncSessionHandler(
        store=store,
        gateway=ModelGateway(model, budget, line),
        clock=clock,
        ids=SeededIds(dice),
        conclusions=conclusions,
        policies=policies,
    )
    loop = SyncLoop(
        store=store, budget=budget, clock=clock, sync_session=handler, conclusions=conclusions, policy=policy
    )
    task = asyncio.get_running_loop().create_task(loop.run())
    return Worker(name=name, line=line, budget=budget, loop=loop, task=task)
