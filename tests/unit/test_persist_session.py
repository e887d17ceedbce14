from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adapters.memory.store import MemorySessionStore
from application.errors import StoreUnavailable
from application.ports.session_store import SessionStore
from application.use_cases.persist_session import PersistSession, PersistSessionHandler
from domain.audit import AuditAction
from domain.context.pruning import Pruned
from domain.context.size_policy import Overflow, SizePolicy
from domain.context.variables import ContextVariables
from domain.decisions.decision import Decide, Decision, Outcome, Policies
from domain.errors import ContextTooLarge, InvalidEvent
from domain.ids import SessionId
from domain.session.state import SessionState
from tests.factories import at
from tests.fakes import FakeClock, FakeIds, FakeMetrics

S = SessionId("s")


class AbsentStore(MemorySessionStore):
    async def update(self, session_id: SessionId, decide: Decide) -> Decision:
        raise StoreUnavailable(session_id)


class Bench:
    def __init__(self, store: SessionStore | None = None, policies: Policies | None = None) -> None:
        self.store = store or MemorySessionStore()
        self.clock, self.metrics = FakeClock(), FakeMetrics()
        self.delivered_soon: list[SessionId] = []
        self.synced: SessionState | None = None
        self.persist = PersistSessionHandler(
            store=self.store,
            clock=self.clock,
            ids=FakeIds(),
            metrics=self.metrics,
            policies=policies or Policies(),
            sync_soon=self._sync_soon,
        )

    async def _sync_soon(self, session_id: SessionId) -> SessionState | None:
        self.delivered_soon.append(session_id)
        return self.synced

    async def actions(self) -> list[AuditAction]:
        trail = await self.store.audit_trail(S, after=None, limit=10)
        return [entry.action for entry in trail.entries]


def command(
    context: dict[str, object] | None = None, *, event_type: str = "message", **fields: Any
) -> PersistSession:
    told = None if context is None else ContextVariables.from_json(context)
    return PersistSession(session_id=S, event_type=event_type, context=told, **fields)


@asynccontextmanager
async def refused(bench: Bench, error: type[Exception]) -> AsyncIterator[None]:
    with pytest.raises(error):
        yield
    assert bench.delivered_soon == []


async def test_an_event_is_durable_and_the_sync_is_told_of_it() -> None:
    bench = Bench()

    persisted = await bench.persist(command({"a": 1}, subject_id="who"))

    assert persisted.outcome is Outcome.PERSISTED
    assert persisted.state == await bench.store.read(S, at(0))
    assert persisted.state.subject_id.value == "who"
    assert bench.delivered_soon == [S]
    assert bench.metrics.noted == ["answered persisted"]


async def test_the_answer_holds_the_state_after_a_sync_that_came_in_time() -> None:
    bench = Bench()
    bench.synced = (await bench.persist(command({"a": 1}))).state

    again = await bench.persist(command({"a": 2}))

    assert again.state is bench.synced


async def test_each_change_has_a_persistence_id_of_its_own() -> None:
    bench = Bench()
    first = await bench.persist(command({"a": 1}))
    bench.clock.advance(1)

    second = await bench.persist(command({"a": 2}))

    assert first.state.persistence_id != second.state.persistence_id


async def test_a_refused_event_is_in_the_trail_before_it_is_raised() -> None:
    bench = Bench()

    async with refused(bench, InvalidEvent):
        await bench.persist(command({"a": 1}, ttl_seconds=0))

    assert await bench.actions() == [AuditAction.SESSION_PERSISTENCE_FAILURE]
    assert await bench.store.read(S, at(0)) is None
    assert bench.metrics.noted == ["refused invalid"]


async def test_a_context_over_its_budget_is_refused_as_too_large() -> None:
    bench = Bench(policies=Policies(size=SizePolicy(context_byte_size_max=20)))

    async with refused(bench, ContextTooLarge):
        await bench.persist(command({"a": "x" * 20}))

    assert bench.metrics.noted == ["refused too_large"]


async def test_what_was_pruned_is_told() -> None:
    size = SizePolicy(context_byte_size_max=20, overflow=Overflow.PRUNE)
    bench = Bench(policies=Policies(size=size))

    persisted = await bench.persist(command({"a": "x" * 20, "b": 1}))

    assert persisted.pruned == Pruned(("/context/a",), 1)
    assert persisted.state.context.document == b'{"b":1}'


async def test_an_absent_store_is_counted_and_raised() -> None:
    bench = Bench(store=AbsentStore())

    async with refused(bench, StoreUnavailable):
        await bench.persist(command({"a": 1}))

    assert bench.metrics.noted == ["refused store_unavailable"]


async def test_an_end_of_an_unknown_session_asks_for_no_sync() -> None:
    bench = Bench()

    ended = await bench.persist(command(event_type="session-ended"))

    assert ended.outcome is Outcome.ENDED
    assert bench.delivered_soon == []
    assert await bench.actions() == [AuditAction.SESSION_ENDED]
