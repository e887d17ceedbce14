"""PostgreSQL behind a network that breaks: callers are told in time, and nothing has to be opened again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from adapters.postgres.store import PostgresSessionStore, open_postgres_store
from adapters.storage.backend import StoreLimits
from adapters.system.clock import SystemClock
from application.errors import StoreUnavailable
from application.ports.session_store import SessionStore
from domain.decisions.decision import Decision, Outcome
from domain.ids import SessionId, SubjectId
from domain.sync.state import SyncLane
from tests.contract.steps import PATIENCE_SECONDS, take, until_answered, variables
from tests.factories import at, event, merge
from tests.servers.postgres import PostgresServer
from tests.servers.proxy import FaultProxy, open_fault_proxy

TIMEOUT_SECONDS = 0.4
IMPATIENT = StoreLimits(timeout_seconds=TIMEOUT_SECONDS, connections_max=2)
LIMITS = StoreLimits(timeout_seconds=20, connections_max=2)
CALLS: dict[str, Callable[[SessionStore], Coroutine[Any, Any, object]]] = {
    "update": lambda store: take(store, merge({"b": 2}), seconds=1),
    "read": lambda store: store.read(SessionId("s"), at(0)),
    "audit_trail": lambda store: store.audit_trail(SessionId("s"), after=None, limit=10),
    "due_for_sync": lambda store: store.due_for_sync(at(0), lane=SyncLane.LIVE, limit=10),
    "expired": lambda store: store.expired(at(0), 10),
    "of_subject": lambda store: store.of_subject(SubjectId("x"), after=None, limit=10),
    "forget_audit": lambda store: store.forget_audit(at(0), 10),
    "audit_count": lambda store: store.audit_count(),
    "backlog": lambda store: store.backlog(at(0)),
    "ping": lambda store: store.ping(),
    "clock_skew": lambda store: store.clock_skew(SystemClock()),
}


def refuse_and_reset(proxy: FaultProxy) -> None:
    proxy.refuse()
    proxy.reset()


FAULTS: dict[str, Callable[[FaultProxy], None]] = {
    "delay": lambda proxy: proxy.delay(3),
    "blackhole": FaultProxy.blackhole,
    "refuse and reset": refuse_and_reset,
}


@pytest.fixture
async def proxy(postgres_server: PostgresServer) -> AsyncIterator[FaultProxy]:
    async with open_fault_proxy(postgres_server.host, postgres_server.port) as proxy:
        yield proxy


@pytest.fixture
async def store(postgres_url: str, proxy: FaultProxy) -> AsyncIterator[PostgresSessionStore]:
    async with open_postgres_store(proxy.url(postgres_url), LIMITS) as store:
        yield store


@pytest.fixture
async def impatient(postgres_url: str, proxy: FaultProxy) -> AsyncIterator[PostgresSessionStore]:
    """A store that waits for nothing long, and therefore may be too quick for a busy machine."""
    async with open_postgres_store(proxy.url(postgres_url), IMPATIENT) as store:
        await until_answered(lambda: take(store, event({"a": 1})))
        yield store


@pytest.mark.parametrize("fault", FAULTS)
async def test_callers_are_told_together_and_every_call_works_again_afterwards(
    impatient: PostgresSessionStore, proxy: FaultProxy, fault: str
) -> None:
    await all_answered(impatient)

    FAULTS[fault](proxy)
    async with asyncio.timeout(PATIENCE_SECONDS):  # 40 s, were they told one after the other
        told = await asyncio.gather(
            *(call(impatient) for call in CALLS.values() for _ in range(20)), return_exceptions=True
        )

    assert {type(answer) for answer in told} == {StoreUnavailable}

    proxy.heal()
    await all_answered(impatient)
    assert await until_answered(lambda: variables(impatient)) == {"a", "b"}


async def all_answered(store: SessionStore) -> list[object]:
    return await asyncio.gather(*(until_answered(partial(call, store)) for call in CALLS.values()))


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
    postgres_url: str, proxy: FaultProxy
) -> None:
    for answer_bytes in (0, 1, 2, 7, 40, 150, 300, 390, 430, 500, 560, 620, 700, 900):
        async with open_postgres_store(proxy.url(postgres_url), LIMITS) as store:
            proxy.cut_after(answer_bytes)
            answers = await asyncio.gather(
                take(store, merge({f"v{answer_bytes}": 1})), store.backlog(at(0)), return_exceptions=True
            )
            wrong = [a for a in answers if isinstance(a, BaseException) and type(a) is not StoreUnavailable]
            assert wrong == []
            proxy.heal()
            await take(store, merge({f"v{answer_bytes}": 1}))
            assert f"v{answer_bytes}" in await variables(store)


async def test_updates_that_wait_behind_a_write_without_an_answer_are_told_together(
    impatient: PostgresSessionStore, proxy: FaultProxy
) -> None:
    proxy.blackhole()
    first = asyncio.create_task(take(impatient, merge({"v": 1}), seconds=1))
    await asyncio.sleep(TIMEOUT_SECONDS / 2)

    async with asyncio.timeout(PATIENCE_SECONDS):  # 80 s, were they told one after the other
        answers = await asyncio.gather(
            first, *(take(impatient, merge({f"v{n}": n})) for n in range(200)), return_exceptions=True
        )

    assert {type(answer) for answer in answers} == {StoreUnavailable}


async def test_a_store_opens_while_the_server_is_away(postgres_url: str, proxy: FaultProxy) -> None:
    proxy.refuse()
    async with open_postgres_store(proxy.url(postgres_url), LIMITS) as store:
        with pytest.raises(StoreUnavailable):
            await take(store, event({"a": 1}))
        proxy.restore()

        await take(store, event({"a": 1}))


async def test_it_closes_at_once_while_nothing_answers(postgres_url: str, proxy: FaultProxy) -> None:
    limits = StoreLimits(timeout_seconds=300)
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with open_postgres_store(proxy.url(postgres_url), limits) as store:
            await take(store, event({"a": 1}))
            proxy.blackhole()
            waiting = [asyncio.create_task(call(store)) for call in CALLS.values()]
            await asyncio.sleep(0.05)
            assert [task for task in waiting if task.done()] == []
        answers = await asyncio.gather(*waiting, return_exceptions=True)

    assert {type(answer) for answer in answers} == {StoreUnavailable}


async def test_a_closed_store_says_so_at_once(postgres_url: str) -> None:
    async with open_postgres_store(postgres_url, StoreLimits(timeout_seconds=300)) as store:
        await take(store, event({"a": 1}))

    async with asyncio.timeout(PATIENCE_SECONDS):
        answers = await asyncio.gather(*(call(store) for call in CALLS.values()), return_exceptions=True)
    assert {type(answer) for answer in answers} == {StoreUnavailable}


async def test_callers_that_give_up_while_nothing_answers_leave_connections_for_others(
    impatient: PostgresSessionStore, proxy: FaultProxy
) -> None:
    for _ in range(3):
        proxy.blackhole()
        tasks = [asyncio.create_task(call(impatient)) for call in CALLS.values()]
        await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        proxy.heal()

    answers = await all_answered(impatient)

    assert isinstance(answers[0], Decision)
    assert isinstance(answers[-1], timedelta)
