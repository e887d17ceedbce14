"""Rows that somebody else has locked: their sessions wait, and nobody waits with them."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from adapters.postgres.connection import LOCK_SHARE
from adapters.postgres.store import PostgresSessionStore, open_postgres_store
from adapters.storage.backend import StoreLimits
from application.errors import StoreUnavailable
from domain.decisions.decision import Decision
from domain.ids import SessionId
from tests.contract.steps import take, variables
from tests.factories import event, merge

LIMITS = StoreLimits(timeout_seconds=20, connections_max=4)
NEIGHBOURS = [f"neighbour-{number}" for number in range(10)]
HELD = [f"held-{number}" for number in range(10)]
LOCK = "SELECT 1 FROM sessions WHERE session_id = ANY($1::text[]) FOR UPDATE"
COPY_AS_NEW = """
INSERT INTO sessions SELECT
    $1, nextval('session_versions'), revision, persistence_id, document, ledger, created_at, updated_at,
    expires_at, expires_bucket, subject_id, sync_due_at, sync_lane, sync_failure
FROM sessions WHERE session_id = $2
"""


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresSessionStore]:
    async with open_postgres_store(postgres_url, LIMITS) as store:
        yield store


async def take_of_each(store: PostgresSessionStore, names: list[str], name: str) -> list[Decision]:
    return await asyncio.gather(
        *(take(store, merge({name: 1}, session_id=SessionId(one)), seconds=1) for one in names)
    )


@pytest.mark.parametrize("held", [HELD[:1], HELD], ids=["one", "many"])
async def test_neighbours_of_a_locked_session_are_answered_and_it_is_once_it_is_free(
    store: PostgresSessionStore, direct: asyncpg.Connection, held: list[str]
) -> None:
    await take_of_each(store, [*NEIGHBOURS, *held], "a")
    async with direct.transaction():
        await direct.execute(LOCK, held)
        waiting = asyncio.create_task(take_of_each(store, held, "b"))
        for variable in "bcd":
            await take_of_each(store, [*NEIGHBOURS, f"new-{variable}"], variable)
        assert not waiting.done()

    assert len(await waiting) == len(held)
    for name in held:
        assert await variables(store, name) == {"a", "b"}
    for name in NEIGHBOURS:
        assert await variables(store, name) == {"a", "b", "c", "d"}


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
async def test_neighbours_of_a_session_that_another_is_about_to_make_are_answered(
    store: PostgresSessionStore, direct: asyncpg.Connection, end: str
) -> None:
    await take_of_each(store, NEIGHBOURS, "a")
    await direct.execute("BEGIN")
    for name in HELD[:3]:
        await direct.execute(COPY_AS_NEW, name, NEIGHBOURS[0])
    waiting = asyncio.create_task(take_of_each(store, HELD[:3], "b"))
    for variable in "bcd":
        await take_of_each(store, [*NEIGHBOURS, f"new-{variable}"], variable)
    assert not waiting.done()
    await direct.execute(end)

    assert len(await waiting) == 3
    if end == "ROLLBACK":
        assert await variables(store, HELD[0]) == {"b"}


async def test_only_the_callers_of_a_session_that_stays_locked_are_told(
    postgres_url: str, direct: asyncpg.Connection
) -> None:
    async with open_postgres_store(postgres_url, StoreLimits(timeout_seconds=1)) as store:
        await take_of_each(store, [*NEIGHBOURS, *HELD], "a")
        async with direct.transaction():
            await direct.execute(LOCK, HELD)
            waiting = [asyncio.create_task(take_of_each(store, [name], "b")) for name in HELD]
            neighbours = await take_of_each(store, NEIGHBOURS, "b")
            answers = await asyncio.gather(*waiting, return_exceptions=True)

        assert len(neighbours) == len(NEIGHBOURS)
        assert [type(answer) for answer in answers] == [StoreUnavailable] * len(HELD)
        assert all(name in str(answer) for name, answer in zip(HELD, answers, strict=True))
        assert await variables(store, HELD[0]) == {"a"}
        await take_of_each(store, HELD, "c")
        assert await variables(store, HELD[0]) == {"a", "c"}


async def test_a_locked_table_is_waited_for_by_all(
    store: PostgresSessionStore, direct: asyncpg.Connection
) -> None:
    await take(store, event({"a": 1}))
    async with direct.transaction():
        await direct.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        waiting = asyncio.create_task(take_of_each(store, ["s", *NEIGHBOURS], "b"))
        await asyncio.sleep(0.05)  # a chance to be answered too early
        assert not waiting.done()

    assert len(await waiting) == 1 + len(NEIGHBOURS)
    assert await variables(store) == {"a", "b"}
    assert await variables(store, NEIGHBOURS[0]) == {"b"}


async def test_a_reader_waits_for_a_locked_table_longer_than_for_one_lock(
    postgres_url: str, direct: asyncpg.Connection
) -> None:
    limits = StoreLimits(timeout_seconds=10)
    async with open_postgres_store(postgres_url, limits) as store:
        await take(store, event({"a": 1}))
        async with direct.transaction():
            await direct.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
            reading = asyncio.create_task(variables(store))
            await asyncio.sleep(limits.timeout_seconds * LOCK_SHARE * 1.5)
            assert not reading.done()

        assert await reading == {"a"}


async def test_what_waits_for_a_locked_session_is_written_in_the_order_in_which_it_came(
    store: PostgresSessionStore, direct: asyncpg.Connection
) -> None:
    await take(store, event({"a": 1}))
    async with direct.transaction():
        await direct.execute(LOCK, ["s"])
        waiting = asyncio.gather(*(take(store, merge({f"v{n}": n}), seconds=1) for n in range(10)))
        await take_of_each(store, NEIGHBOURS, "a")
        later = asyncio.gather(*(take(store, merge({f"w{n}": n}), seconds=1) for n in range(10)))
        await take_of_each(store, NEIGHBOURS, "b")

    decisions = [*await waiting, *await later]
    assert [decision.state.revision for decision in decisions if decision.state] == list(range(2, 22))
