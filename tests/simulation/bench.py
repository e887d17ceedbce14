"""The engine of one process, put together for a test in virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from adapters.genesys.budget import GenesysBudget
from adapters.memory.store import MemorySessionStore
from application.ports.runtime import IdGenerator
from application.sync.attempt import SyncAttempt, SyncSession, SyncSessionHandler
from application.sync.conclusions import ConclusionPolicy, SyncConclusions
from application.sync.inline import InlineSync
from application.sync.loop import SyncLoop, SyncLoopPolicy
from domain.context.variables import ContextVariables
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Policies
from domain.decisions.sync import decide_claim
from domain.ids import ClaimToken, SessionId
from domain.session.event import SessionEvent
from domain.session.state import SessionState
from domain.sync.policy import SyncPolicy
from tests.factories import persistence_id
from tests.fakes import FakeIds, FakeMetrics
from tests.simulation.fakes import FakeGateway, TroubledStore
from tests.simulation.virtual_loop import LoopClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    store: TroubledStore
    budget: GenesysBudget
    gateway: FakeGateway
    handler: SyncSessionHandler
    loop: SyncLoop
    conclusions: SyncConclusions
    metrics: FakeMetrics
    clock: LoopClock
    policies: Policies

    def inline(self, seconds_max: float = 5.0) -> InlineSync:
        return InlineSync(loop=self.loop, seconds_max=seconds_max)

    async def change(self, session_id: str = "s", *, end: bool = False, **fields: Any) -> SessionState:
        """A change of the session that its store acknowledges; nobody is told of it."""
        identity = persistence_id()
        what = SessionEvent(
            session_id=SessionId(session_id),
            event_type="session-ended" if end else "message",
            persistence_id=identity,
            context=None if end else ContextVariables.from_json({"n": identity}),
            **fields,
        )
        decision = await MemorySessionStore.update(
            self.store,
            what.session_id,
            lambda before: decide_event(before, what, self.policies, self.clock.now()),
        )
        assert decision.state is not None
        return decision.state

    async def attempt(self, session_id: str = "s") -> SyncAttempt:
        async with self.budget.permit() as permit:
            return await self.handler(SyncSession(session_id=SessionId(session_id)), permit)

    async def steal(self, session_id: str = "s") -> None:
        """Another worker claims the session, whose lease is taken to be over."""
        later = self.clock.now() + timedelta(seconds=10 * self.policies.sync.lease_seconds)
        await MemorySessionStore.update(
            self.store,
            SessionId(session_id),
            lambda before: decide_claim(
                before, token=ClaimToken("thief"), policy=self.policies.sync, now=later
            ),
        )

    async def state(self, session_id: str = "s") -> SessionState:
        state = await self.store.read(SessionId(session_id), self.clock.now())
        assert state is not None
        return state

    @property
    def in_flight(self) -> int:
        return self.budget.figures().in_flight

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.loop.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def bench(
    *,
    calls_per_minute: int = 6000,
    seconds: float = 0.1,
    policy: SyncLoopPolicy | None = None,
    sync: SyncPolicy | None = None,
    ids: IdGenerator | None = None,
    store: TroubledStore | None = None,
) -> Bench:
    """`store`: one that other processes share."""
    store, metrics, clock = store or TroubledStore(), FakeMetrics(), LoopClock()
    budget = GenesysBudget(calls_per_minute=calls_per_minute)
    gateway = FakeGateway(budget, seconds=seconds)
    policies = Policies(sync=sync or SyncPolicy())
    conclusions = SyncConclusions(metrics=metrics, policy=ConclusionPolicy())
    handler = SyncSessionHandler(
        store=store,
        gateway=gateway,
        clock=clock,
        ids=ids or FakeIds(),
        conclusions=conclusions,
        policies=policies,
    )
    loop = SyncLoop(
        store=store,
        budget=budget,
        clock=clock,
        sync_session=handler,
        conclusions=conclusions,
        policy=policy or SyncLoopPolicy(),
    )
    return Bench(
        store=store,
        budget=budget,
        gateway=gateway,
        handler=handler,
        loop=loop,
        conclusions=conclusions,
        metrics=metrics,
        clock=clock,
        policies=policies,
    )
