"""PostgreSQL that answers, but not as one would like."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import pytest

from adapters.postgres.store import PostgresSessionStore, open_postgres_store
from adapters.storage.backend import StoreLimits
from application.errors import StoreUnavailable
from application.use_cases.evict_expired import EvictExpired, EvictExpiredHandler
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Decision
from domain.ids import SessionId
from domain.session.state import SessionState
from tests.contract.contract_of_trail import check_that_a_trail_of_fifty_is_erased_in_lots
from tests.contract.steps import (
    PATIENCE_SECONDS,
    POLICIES,
    deciding,
    ping_for_ever,
    take,
    until_answered,
    variables,
)
from tests.factories import at, event, merge
from tests.fakes import FakeClock, FakeIds, FakeMetrics
from tests.servers.postgres import PostgresServer, open_postgres_server

LIMITS = StoreLimits(timeout_seconds=20, connections_max=2)


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresSessionStore]:
    async with open_postgres_store(postgres_url, LIMITS) as store:
        yield store


async def test_a_locked_table_is_told_in_time_and_everything_goes_on_once_it_is_free(
    postgres_url: str, direct: asyncpg.Connection
) -> None:
    limits = StoreLimits(timeout_seconds=0.4, connections_max=2)
    async with open_postgres_store(postgres_url, limits) as store:
        await until_answered(lambda: take(store, event({"a": 1})))
        async with direct.transaction():
            await direct.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
            async with asyncio.timeout(PATIENCE_SECONDS):  # 40 s, were they told one after the other
                answers = await asyncio.gather(
                    *(store.read(SessionId("s"), at(0)) for _ in range(200)),
                    take(store, merge({"b": 2}), seconds=1),
                    return_exceptions=True,
                )

        assert {type(answer) for answer in answers} == {StoreUnavailable}
        await until_answered(lambda: take(store, merge({"c": 3}), seconds=1))
        assert await until_answered(lambda: variables(store)) == {"a", "c"}


async def test_connections_that_the_server_ends_are_replaced(
    store: PostgresSessionStore, direct: asyncpg.Connection
) -> None:
    await asyncio.gather(take(store, event({"a": 1})), store.backlog(at(0)))
    ended = await direct.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'session-keeper' "
        "AND datname = current_database()"
    )
    assert len(ended) == 2

    failures = 0
    for number in range(5):
        try:
            await take(store, merge({f"v{number}": number}), seconds=1)
        except StoreUnavailable:
            failures += 1
    assert failures <= 2
    assert "v4" in await variables(store)


async def test_statements_prepared_before_a_migration_go_on_working(
    store: PostgresSessionStore, direct: asyncpg.Connection
) -> None:
    await take(store, event({"a": 1}))
    assert await variables(store) == {"a"}

    await direct.execute("ALTER TABLE sessions ADD COLUMN added_later text")
    await direct.execute("ALTER TABLE sessions ALTER COLUMN sync_failure TYPE varchar(200)")
    await direct.execute("ALTER TABLE sessions ALTER COLUMN revision TYPE bigint")

    await take(store, merge({"b": 2}), seconds=1)
    assert await variables(store) == {"a", "b"}


async def test_a_deadlock_is_decided_anew(store: PostgresSessionStore, direct: asyncpg.Connection) -> None:
    for name in ("one", "two"):
        await take(store, event({"a": 1}, session_id=SessionId(name)))
    lock = "SELECT 1 FROM sessions WHERE session_id = $1 FOR UPDATE"
    await direct.execute("SET deadlock_timeout = '10s'")
    async with direct.transaction():
        await direct.execute(lock, "two")
        both = asyncio.gather(
            *(take(store, merge({"b": 2}, session_id=SessionId(name)), seconds=1) for name in ("one", "two"))
        )
        await asyncio.sleep(0.2)
        await direct.execute(lock, "one")

    assert [type(decision) for decision in await both] == [Decision, Decision]
    assert await variables(store, "one") == await variables(store, "two") == {"a", "b"}


async def test_one_who_loses_every_race_is_told_once_its_time_is_over(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    decided = 0

    def decide(before: SessionState | None) -> Decision:
        nonlocal decided
        decided += 1
        postgres_server.execute("UPDATE sessions SET version = nextval('session_versions')", database)
        return deciding(merge({"b": 2}), 1)(before)

    database = postgres_url.rpartition("/")[2]
    async with open_postgres_store(postgres_url, StoreLimits(timeout_seconds=1)) as store:
        await take(store, event({"a": 1}))
        with pytest.raises(StoreUnavailable, match=r"session s was held or changed by others for 1 s"):
            await store.update(SessionId("s"), decide)

        assert decided > 1
        assert await variables(store) == {"a"}
        await take(store, merge({"c": 3}), seconds=1)
        assert await variables(store) == {"a", "c"}


async def test_a_decision_that_writes_nothing_is_answered_by_a_database_that_takes_nothing(
    store: PostgresSessionStore, direct: asyncpg.Connection, postgres_url: str
) -> None:
    first = await take(store, event({"a": 1}))
    await direct.execute(
        f"ALTER DATABASE {postgres_url.rpartition('/')[2]} SET default_transaction_read_only = on"
    )
    async with open_postgres_store(postgres_url, LIMITS) as read_only:
        decision = await read_only.update(SessionId("s"), lambda before: Decision(state=before))
        with pytest.raises(StoreUnavailable, match="read-only"):
            await take(read_only, merge({"b": 2}), seconds=1)

    assert decision.state == first.state


async def test_connections_to_a_server_that_has_become_read_only_are_replaced(
    postgres_url: str, direct: asyncpg.Connection
) -> None:
    name = postgres_url.rpartition("/")[2]
    await direct.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    async with open_postgres_store(postgres_url, LIMITS) as store:
        await asyncio.gather(*(store.read(SessionId("s"), at(0)) for _ in range(4)))
        with pytest.raises(StoreUnavailable, match="read-only"):
            await store.ping()
        with pytest.raises(StoreUnavailable, match="read-only"):
            await take(store, event({"a": 1}))
        await direct.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")

        await take(store, event({"a": 1}))
        await asyncio.gather(*(take(store, merge({f"v{n}": n}), seconds=1) for n in range(4)))
        await store.ping()


async def test_of_several_hosts_the_one_that_takes_writes_is_taken(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    with open_postgres_server() as standby:
        standby.create_database(name)
        standby.execute("ALTER SYSTEM SET default_transaction_read_only = on", name)
        standby.execute("SELECT pg_reload_conf()", name)
        hosts = ",".join(f"{each.host}:{each.port}" for each in (standby, postgres_server))
        async with open_postgres_store(f"postgresql://postgres@{hosts}/{name}", LIMITS) as store:
            await take(store, event({"a": 1}))

            assert await variables(store) == {"a"}


@pytest.mark.parametrize("mode", ["EXCLUSIVE", "ACCESS EXCLUSIVE"])
async def test_a_table_that_takes_no_writes_is_told_by_a_ping(
    postgres_url: str, direct: asyncpg.Connection, mode: str
) -> None:
    async with open_postgres_store(postgres_url, StoreLimits(timeout_seconds=0.5)) as store:
        await take(store, event({"a": 1}))
        async with direct.transaction():
            await direct.execute(f"LOCK TABLE sessions IN {mode} MODE")
            with pytest.raises(StoreUnavailable):
                await ping_for_ever(store)

        await take(store, merge({"b": 2}), seconds=1)
        await store.ping()


@pytest.mark.parametrize(
    "damage",
    [
        "document = '\\x00'::bytea",
        "document = '\\x0178'::bytea",
        "document = '\\x07'::bytea",
        "ledger = convert_to('x{}', 'UTF8')",
        "ledger = '\\x00'::bytea || convert_to('{\"n\": 1}', 'UTF8')",
        "ledger = '\\x00'::bytea || convert_to('{\"n\": 2}', 'UTF8')",
        "ledger = set_byte(ledger, 1, 3)",
        "ledger = substring(ledger FROM 1 FOR length(ledger) - 1)",
        "document = '\\x00'::bytea || convert_to('{\"b\":1}', 'UTF8')",
    ],
)
async def test_a_damaged_record_fails_alone(
    store: PostgresSessionStore, direct: asyncpg.Connection, damage: str
) -> None:
    for name in ("bad", "good"):
        await take(store, event({"a": 1}, session_id=SessionId(name)))
    await direct.execute(f"UPDATE sessions SET {damage} WHERE session_id = 'bad'")  # noqa: S608

    bad, good = await asyncio.gather(
        *(take(store, merge({"b": 2}, session_id=SessionId(name)), seconds=1) for name in ("bad", "good")),
        return_exceptions=True,
    )

    assert isinstance(bad, StoreUnavailable)
    assert isinstance(good, Decision)
    assert await variables(store, "good") == {"a", "b"}
    with pytest.raises(StoreUnavailable, match="bad"):
        await store.read(SessionId("bad"), at(0))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://127.0.0.1:99999/x", "Port|port"),
        ("postgresql://postgres@127.0.0.1:1/x?sslmode=nonsense", "sslmode"),
        ("nonsense://x", "nonsense"),
    ],
)
async def test_a_url_that_cannot_be_understood_is_an_unavailable_store(url: str, says: str) -> None:
    with pytest.raises(StoreUnavailable, match=says):
        async with open_postgres_store(url, LIMITS) as store:
            await store.audit_count()


async def test_what_a_user_of_the_store_raises_is_left_alone(postgres_url: str) -> None:
    with pytest.raises(ValueError, match="mine"):
        async with open_postgres_store(postgres_url, LIMITS):
            raise ValueError("mine")


async def test_an_entry_that_is_committed_late_comes_on_the_next_page(
    store: PostgresSessionStore, direct: asyncpg.Connection
) -> None:
    """Its place is drawn before the commit: a reader who went by places alone would pass it over."""
    await take(store, event({"a": 1}))
    late = direct.transaction()
    await late.start()
    await direct.execute(
        "INSERT INTO audit (session_id, action, time, reason) "
        "VALUES ('s', 'SESSION_PERSISTENCE_FAILURE', now(), 'late')"
    )
    for number in range(5):
        await take(store, merge({f"v{number}": number}), seconds=1)

    first = await store.audit_trail(SessionId("s"), after=None, limit=3)
    assert [entry.revision for entry in first.entries] == [1, 2, 3]
    still_open = await store.audit_trail(SessionId("s"), after=first.next_after, limit=1)
    assert [entry.revision for entry in still_open.entries] == [4]
    await late.commit()
    second = await store.audit_trail(SessionId("s"), after=still_open.next_after, limit=1)
    third = await store.audit_trail(SessionId("s"), after=second.next_after, limit=1)

    assert [entry.reason for entry in second.entries] == ["late", second.entries[1].reason]
    assert [entry.revision for entry in second.entries] == [None, 5]
    assert ([entry.revision for entry in third.entries], third.next_after) == ([6], None)
    again = await store.audit_trail(SessionId("s"), after=first.next_after, limit=10)
    assert [entry.revision for entry in again.entries] == [None, 4, 5, 6]


async def test_a_trail_that_was_restored_into_another_cluster_is_paged_as_ever(
    store: PostgresSessionStore, direct: asyncpg.Connection
) -> None:
    """Its numbers of transactions are of another time: they say nothing here."""
    for number in range(6):
        await take(store, merge({f"v{number}": number}))
    await direct.execute("UPDATE audit SET written_in = '9000000000' WHERE place % 2 = 0")
    await direct.execute("UPDATE audit SET written_in = NULL WHERE place % 3 = 0")

    revisions, after = [], None
    while page := await store.audit_trail(SessionId("s"), after=after, limit=2):
        revisions += [entry.revision for entry in page.entries]
        if (after := page.next_after) is None:
            break

    assert revisions == [1, 2, 3, 4, 5, 6]


async def test_an_erasure_writes_as_much_for_a_long_trail_as_for_a_short_one(
    store: PostgresSessionStore,
) -> None:
    for number in range(50):
        await take(store, merge({f"v{number}": number}))

    await check_that_a_trail_of_fifty_is_erased_in_lots(store)


async def test_a_machine_whose_clock_is_ahead_of_the_servers_evicts_no_live_session(
    store: PostgresSessionStore,
) -> None:
    began = datetime.now(UTC)
    for number in range(20):
        what = event({"a": 1}, session_id=SessionId(f"s{number}"), ttl_seconds=3600)
        await store.update(what.session_id, partial(decide_event, event=what, policies=POLICIES, now=began))
    clock, metrics = FakeClock(began + timedelta(hours=2)), FakeMetrics()
    evict = EvictExpiredHandler(
        store=store,
        clock=clock,
        ids=FakeIds(),
        metrics=metrics,
        audit_retention=timedelta(days=1),
        clock_skew_max=timedelta(seconds=60),
    )
    assert len(await store.expired(clock.now(), 100)) == 20

    await evict(EvictExpired())

    assert metrics.noted == []
    assert len(await store.expired(clock.now(), 100)) == 20
