"""PostgreSQL behind a network that breaks: callers are told in time, and nothing has to be opened again."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from adapters.postgres.migrate import migrate_database
from adapters.postgres.store import PostgresLimits, PostgresSessionStore, open_postgres_store
from adapters.system.clock import SystemClock
from application.errors import StoreUnavailable
from application.ports import SessionStore
from domain.decisions import Decision, Outcome
from domain.identity import SessionId, SubjectId
from domain.sync import SyncLane
from tests.contract.steps import take, variables
from tests.factories import at, event, merge
from tests.servers.postgres import PostgresServer
from tests.servers.proxy import FaultProxy, open_fault_proxy

TIMEOUT_SECONDS = 0.4
LIMITS = PostgresLimits(timeout_seconds=TIMEOUT_SECONDS, connections_max=2)
CALLS: dict[str, Callable[[SessionStore], Awaitable[object]]] = {
    "update": lambda store: take(store, merge({"b": 2}), seconds=1),
    "read": lambda store: store.read(SessionId("s"), at(0)),
    "audit_trail": lambda store: store.audit_trail(SessionId("s"), after=0, limit=10),
    "due_for_sync": lambda store: store.due_for_sync(at(0), lane=SyncLane.LIVE, limit=10),
    "expired": lambda store: store.expired(at(0), 10),
    "of_subject": lambda store: store.of_subject(SubjectId("x"), 10),
    "forget_audit": lambda store: store.forget_audit(at(0), 10),
    "audit_count": lambda store: store.audit_count(),
    "backlog": lambda store: store.backlog(at(0)),
    "clock_skew": lambda store: store.clock_skew(SystemClock()),
}
FAULTS: dict[str, Callable[[FaultProxy], None]] = {
    "delay": lambda proxy: proxy.delay(3),
    "blackhole": FaultProxy.blackhole,
    "refuse and reset": lambda proxy: (proxy.refuse(), proxy.reset())[0],
}


@pytest.fixture
async def migrated(postgres_database: str) -> str:
    await migrate_database(postgres_database)
    return postgres_database


@pytest.fixture
async def proxy(postgres_server: PostgresServer) -> AsyncIterator[FaultProxy]:
    async with open_fault_proxy(postgres_server.host, postgres_server.port) as proxy:
        yield proxy


@pytest.fixture
async def store(migrated: str, proxy: FaultProxy) -> AsyncIterator[PostgresSessionStore]:
    async with open_postgres_store(proxy.url(migrated), LIMITS) as store:
        yield store


@pytest.mark.parametrize("fault", FAULTS)
async def test_every_call_is_told_in_time_and_works_again_afterwards(
    store: PostgresSessionStore, proxy: FaultProxy, fault: str
) -> None:
    await take(store, event({"a": 1}))
    await asyncio.gather(*(call(store) for call in CALLS.values()))

    FAULTS[fault](proxy)
    began = time.monotonic()
    told = await asyncio.gather(*(call(store) for call in CALLS.values()), return_exceptions=True)
    took = time.monotonic() - began

    assert {type(answer) for answer in told} == {StoreUnavailable}
    assert took < TIMEOUT_SECONDS * 2

    proxy.heal()
    async with asyncio.timeout(5):
        while await any_unavailable(store):
            pass
    assert await variables(store) == {"a", "b"}


async def any_unavailable(store: SessionStore) -> bool:
    answers = await asyncio.gather(*(call(store) for call in CALLS.values()), return_exceptions=True)
    raised = [answer for answer in answers if isinstance(answer, BaseException)]
    assert [error for error in raised if not isinstance(error, StoreUnavailable)] == []
    return bool(raised)


async def test_what_was_committed_but_answered_with_an_error_may_be_sent_again(
    store: PostgresSessionStore, proxy: FaultProxy
) -> None:
    await take(store, event({"a": 1}, seconds=0))
    sent = merge({"b": 2}, seconds=1)

    proxy.cut_after(0, request_contains=b"nothing has this, so the write is told apart by what it carries")
    proxy.cut_after(0, request_contains=sent.persistence_id.encode())
    with pytest.raises(StoreUnavailable):
        await take(store, sent, seconds=1)
    assert await variables(store) == {"a", "b"}
    again = await take(store, sent, seconds=2)

    assert again.outcome is Outcome.UNCHANGED
    assert again.state is not None
    assert again.state.revision == 2
    assert again.state.persistence_id == sent.persistence_id


async def test_an_answer_cut_off_at_any_byte_is_an_unavailable_store_and_nothing_else(
    migrated: str, proxy: FaultProxy
) -> None:
    for answer_bytes in (0, 1, 2, 7, 40, 150, 300, 390, 430, 500, 560, 620, 700, 900):
        async with open_postgres_store(proxy.url(migrated), LIMITS) as store:
            proxy.cut_after(answer_bytes)
            answers = await asyncio.gather(
                take(store, merge({f"v{answer_bytes}": 1})), store.backlog(at(0)), return_exceptions=True
            )
            wrong = [a for a in answers if isinstance(a, BaseException) and type(a) is not StoreUnavailable]
            assert wrong == []
            proxy.heal()
            await take(store, merge({f"v{answer_bytes}": 1}))
            assert f"v{answer_bytes}" in await variables(store)


async def test_updates_that_wait_behind_a_write_without_an_answer_are_told_in_time(
    store: PostgresSessionStore, proxy: FaultProxy
) -> None:
    await take(store, event({"a": 1}))
    proxy.blackhole()
    first = asyncio.create_task(take(store, merge({"v": 1}), seconds=1))
    await asyncio.sleep(TIMEOUT_SECONDS / 2)
    began = time.monotonic()

    answers = await asyncio.gather(
        first, *(take(store, merge({f"v{n}": n})) for n in range(20)), return_exceptions=True
    )

    assert {type(answer) for answer in answers} == {StoreUnavailable}
    assert time.monotonic() - began < TIMEOUT_SECONDS * 2


async def test_a_store_opens_while_the_server_is_away(migrated: str, proxy: FaultProxy) -> None:
    proxy.refuse()
    async with open_postgres_store(proxy.url(migrated), LIMITS) as store:
        with pytest.raises(StoreUnavailable):
            await take(store, event({"a": 1}))
        proxy.restore()

        await take(store, event({"a": 1}))


async def test_it_closes_at_once_while_nothing_answers(migrated: str, proxy: FaultProxy) -> None:
    async with open_postgres_store(proxy.url(migrated), PostgresLimits(timeout_seconds=30)) as store:
        await take(store, event({"a": 1}))
        proxy.blackhole()
        waiting = [asyncio.create_task(call(store)) for call in CALLS.values()]
        await asyncio.sleep(0.05)
        closed_at = time.monotonic()
    answers = await asyncio.gather(*waiting, return_exceptions=True)

    assert time.monotonic() - closed_at < 1
    assert {type(answer) for answer in answers} == {StoreUnavailable}


async def test_a_closed_store_says_so_at_once(migrated: str) -> None:
    async with open_postgres_store(migrated, PostgresLimits(timeout_seconds=30)) as store:
        await take(store, event({"a": 1}))

    async with asyncio.timeout(1):
        answers = await asyncio.gather(*(call(store) for call in CALLS.values()), return_exceptions=True)
    assert {type(answer) for answer in answers} == {StoreUnavailable}


async def test_callers_that_give_up_while_nothing_answers_leave_connections_for_others(
    store: PostgresSessionStore, proxy: FaultProxy
) -> None:
    await take(store, event({"a": 1}))
    for _ in range(3):
        proxy.blackhole()
        tasks = [asyncio.create_task(call(store)) for call in CALLS.values()]
        await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        proxy.heal()
    async with asyncio.timeout(5):
        while await any_unavailable(store):
            pass

    answers = await asyncio.gather(*(call(store) for call in CALLS.values()))
    assert isinstance(answers[0], Decision)
    assert isinstance(answers[-1], timedelta)
