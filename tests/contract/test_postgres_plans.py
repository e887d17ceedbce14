"""What PostgreSQL does with many rows: indexes are used, and renewals touch none."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any

import asyncpg
import pytest

from adapters.postgres import rows, statements
from adapters.postgres.migrate import migrate_database
from adapters.postgres.store import open_postgres_store
from adapters.storage.backend import StoreLimits
from adapters.storage.decision_batch import SessionWrite
from adapters.storage.record import SessionRecord
from application.ports.session_store import BACKLOG_COUNT_MAX
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Outcome
from domain.ids import SessionId
from domain.instants import to_microseconds
from domain.session.state import SessionState
from domain.sync.state import SyncLane
from tests.contract.flavours import running
from tests.contract.steps import POLICIES, take
from tests.factories import START, at, event, merge
from tests.servers.postgres import POSTGRES_FLAVOURS, PostgresServers

ROWS = 20_000
CONTEXT_BYTES_MAX = POLICIES.size.context_byte_size_max
_numbers = count()
BUCKET = to_microseconds(START) // rows.BUCKET_MICROSECONDS
# Nearly all of them are to be synced, expire or belong to somebody some day; few of them now.
FILL = f"""
INSERT INTO sessions (
    session_id, revision, persistence_id, document, ledger, created_at, updated_at, expires_at,
    expires_bucket, subject_id, sync_due_at, sync_lane, sync_failure, sync_waiting_since
) SELECT
    's' || n, 1, 'p' || n, $1, $2, $3, $3,
    $3::timestamptz + n * interval '1 minute', {BUCKET} + n / 5,
    'subject-' || n, $3::timestamptz + n * interval '1 second',
    CASE WHEN n % 10 = 0 THEN '{SyncLane.ENDED}' ELSE '{SyncLane.LIVE}' END,
    CASE WHEN n % 500 = 0 THEN 'failed' END, $3::timestamptz + n * interval '1 second'
FROM generate_series(1, {ROWS}) AS n
"""  # noqa: S608 - numbers of ours
FILL_AUDIT = f"""
INSERT INTO audit (session_id, action, time, persistence_id, revision, subject_id)
SELECT 's' || n / 4, 'SESSION_PERSISTED', $1::timestamptz + n * interval '1 second', 'p' || n, 1,
    CASE WHEN n % 4 = 0 THEN 'subject-' || n END
FROM generate_series(1, {ROWS}) AS n
"""  # noqa: S608 - numbers of ours


def state(session_id: str) -> SessionState:
    what = event({"name": "x" * 300}, session_id=SessionId(session_id))
    after = decide_event(None, what, POLICIES, START).state
    assert after is not None
    return after


@pytest.fixture(scope="module", params=POSTGRES_FLAVOURS)
def filled(request: pytest.FixtureRequest, postgres_servers: PostgresServers) -> Iterator[str]:
    server = running(postgres_servers, request.param)
    url = server.create_database()
    asyncio.run(fill(url))
    yield url
    server.drop_database(url)


async def fill(url: str) -> None:
    await migrate_database(url)
    connection = await asyncpg.connect(url)
    record = SessionRecord.of(state("s"))
    await connection.execute(FILL, rows.packed(record.document), rows.packed(record.ledger), START)
    await connection.execute(FILL_AUDIT, START)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


@pytest.fixture(params=["custom", "generic"])
async def plans(request: pytest.FixtureRequest, filled: str) -> AsyncIterator[tuple[asyncpg.Connection, str]]:
    connection = await asyncpg.connect(filled)
    yield connection, request.param
    await connection.close()


async def explained(plans: tuple[asyncpg.Connection, str], statement: str, *arguments: Any) -> dict[str, Any]:
    """The plan for these arguments, or the one that serves all; PostgreSQL may take either."""
    connection, kind = plans
    if kind == "custom":
        text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *arguments)
    else:
        name = f"asked_{next(_numbers)}"
        await connection.execute(f"SET plan_cache_mode = force_generic_plan; PREPARE {name} AS {statement}")
        nulls = f"({', '.join(['NULL'] * len(arguments))})" if arguments else ""
        text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE {name} {nulls}")
    found: dict[str, Any] = json.loads(text)[0]["Plan"]
    return found


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in nodes(child))]


def indexes(plan: dict[str, Any]) -> set[str]:
    return {node["Index Name"] for node in nodes(plan) if "Index Name" in node}


def read_whole(plan: dict[str, Any]) -> set[str]:
    return {node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"}


Q = statements
NOW = at(20)
STATEMENTS = {
    "read": (Q.READ, ([f"s{n}" for n in range(20)],), {"sessions_pkey"}),
    "trail": (Q.TRAIL, ("s7", 0, "1:1:", 50), {"audit_of_session", "sessions_pkey"}),
    "due": (Q.DUE, (SyncLane.LIVE, NOW, 100), {"sessions_due"}),
    "expired": (Q.EXPIRED, (BUCKET + 1, NOW, 500, None), {"sessions_expiring"}),
    "expired of a part": (Q.EXPIRED, (BUCKET + 1, NOW, 64, 3), {"sessions_expiring"}),
    "of subject": (
        Q.OF_SUBJECT,
        ("subject-7", "", 200),
        {"sessions_of_subject", "audit_of_subject", "sessions_pkey"},
    ),
    "backlog": (Q.BACKLOG, (NOW,), {"sessions_waiting"}),
    "failed": (Q.FAILED, (), {"sessions_failed"}),
    "failed by code": (Q.FAILED_BY_CODE, (NOW,), {"sessions_failed"}),
    "failed syncs": (Q.FAILED_SYNCS, (NOW, None, "", 50), {"sessions_failed"}),
    "failed syncs of a code": (Q.FAILED_SYNCS, (NOW, "failed", "s2", 50), {"sessions_failed"}),
    "forget erased": (
        Q.FORGET_ERASED,
        (500,),
        {"sessions_erased", "audit_of_session", "audit_pkey", "sessions_pkey"},
    ),
    "forget audit": (Q.FORGET_AUDIT, (NOW, 500), {"audit_by_time", "audit_pkey"}),
}


@pytest.mark.parametrize("name", STATEMENTS)
async def test_every_question_is_answered_by_its_index(
    plans: tuple[asyncpg.Connection, str], name: str
) -> None:
    statement, arguments, wanted = STATEMENTS[name]

    plan = await explained(plans, statement, *arguments)

    assert indexes(plan) == wanted
    assert read_whole(plan) == set()


async def test_what_an_index_gives_in_order_is_not_sorted(plans: tuple[asyncpg.Connection, str]) -> None:
    for name in ("due", "expired", "expired of a part"):
        statement, arguments, _ = STATEMENTS[name]
        plan = await explained(plans, statement, *arguments)
        assert "Sort" not in {node["Node Type"] for node in nodes(plan)}, name


WRITES = {"any": statements.WRITE, "records": statements.WRITE_RECORDS}


@pytest.mark.parametrize("kind", WRITES)
@pytest.mark.parametrize("size", [1, 256])
async def test_a_write_looks_at_no_session_but_its_own(
    plans: tuple[asyncpg.Connection, str], size: int, kind: str
) -> None:
    writes = [
        SessionWrite(
            session_id=SessionId(f"s{n}"),
            record=SessionRecord.of(state(f"s{n}")),
            state_changed=True,
            audit=(),
            forgets_audit=n % 2 == 0,
        )
        for n in range(size)
    ]
    versions = {write.session_id: number for number, write in enumerate(writes)}
    columns = [*rows.session_columns(writes, versions), *rows.audit_columns(writes)]

    plan = await explained(plans, WRITES[kind], *columns)

    assert read_whole(plan) == set()
    assert "sessions_pkey" in indexes(plan)


@pytest.mark.parametrize("kind", WRITES)
async def test_a_write_compares_each_session_with_no_other_of_its_batch(filled: str, kind: str) -> None:
    """Joined in a loop, a batch of 256 took 65,000 comparisons."""
    connection = await asyncpg.connect(filled)
    ids = [SessionId(f"s{n}") for n in range(1, 257)]
    versions = {row["session_id"]: row["version"] for row in await connection.fetch(statements.READ, ids)}
    writes = [
        SessionWrite(
            session_id=one,
            record=SessionRecord.of(state(one)),
            state_changed=True,
            audit=(),
            forgets_audit=False,
        )
        for one in ids
    ]
    columns = [*rows.session_columns(writes, versions), *rows.audit_columns(writes)]
    transaction = connection.transaction()
    await transaction.start()
    text = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {WRITES[kind]}", *columns)
    await transaction.rollback()
    await connection.close()

    found = nodes(json.loads(text)[0]["Plan"])
    assert sum(node["Actual Rows"] for node in found if node.get("Operation") == "Update") == len(ids)
    assert sum(node.get("Rows Removed by Join Filter", 0) for node in found) <= len(ids)


async def test_a_write_of_records_sets_up_nothing_that_deletes(plans: tuple[asyncpg.Connection, str]) -> None:
    operations = {
        name: {node.get("Operation") for node in nodes(await explained(plans, write, *([[]] * 24)))}
        for name, write in WRITES.items()
    }

    assert "Delete" in operations["any"]
    assert {"Insert", "Update"} <= operations["records"]
    assert "Delete" not in operations["records"]


async def test_the_backlog_looks_at_so_many_sessions_however_many_wait(
    plans: tuple[asyncpg.Connection, str],
) -> None:
    connection, _ = plans
    text = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statements.BACKLOG}", NOW)
    looked_at = [node for node in nodes(json.loads(text)[0]["Plan"]) if node.get("Index Name")]

    backlog = await connection.fetchrow(statements.BACKLOG, NOW)
    assert backlog is not None
    assert tuple(backlog) == (BACKLOG_COUNT_MAX, at(1))
    assert [node["Actual Rows"] for node in looked_at] == [BACKLOG_COUNT_MAX]


@pytest.mark.parametrize(("at_once", "hot_share"), [(1, 0.97), (50, 0.85)])
async def test_renewals_and_changes_touch_no_index(postgres_url: str, at_once: int, hot_share: float) -> None:
    """Where all sessions of a page change in one transaction it runs out of room now and then."""
    sessions = [SessionId(f"s{n}") for n in range(50)]
    async with open_postgres_store(postgres_url, StoreLimits(batch_max=at_once)) as store:
        for number in range(20):
            await asyncio.gather(
                *(
                    take(store, merge({"v": number // 2}, session_id=one, seconds=number // 2), number + 1)
                    for one in sessions
                )
            )
    updated, hot = await updates(postgres_url)

    assert updated == 50 * 19
    assert hot / updated >= hot_share


async def test_a_renewal_beyond_the_bucket_costs_the_index_once(postgres_url: str) -> None:
    async with open_postgres_store(postgres_url, StoreLimits()) as store:
        for minute in range(60):
            await take(store, event({"a": 1}, seconds=0), seconds=minute * 60)
    updated, hot = await updates(postgres_url)

    crossed = timedelta(minutes=59) // timedelta(microseconds=rows.BUCKET_MICROSECONDS)
    assert updated == 59
    assert hot >= updated - crossed - 1


@pytest.mark.parametrize("byte_size", [2000, 4000, CONTEXT_BYTES_MAX])
async def test_a_context_stays_in_the_row_of_its_session(postgres_url: str, byte_size: int) -> None:
    """In the side table every update costs several rows and index entries, and leaves as many to vacuum."""
    async with open_postgres_store(postgres_url, StoreLimits()) as store:
        for number in range(5):
            context = {"number": number, **plausible(byte_size - 20)}
            decision = await take(store, event(context, seconds=number), seconds=number)
            assert decision.outcome is Outcome.PERSISTED
    connection = await asyncpg.connect(postgres_url)
    beside = await connection.fetchval(
        "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'sessions'::regclass"
    )
    stored = await connection.fetchval("SELECT octet_length(document) FROM sessions")
    await connection.close()

    assert beside == 0
    assert stored >= byte_size / 4, "a context that hardly needs any room proves nothing"


def plausible(byte_size: int) -> dict[str, str]:
    """A context of so many bytes of canonical JSON that packs as well as real ones do: to about a third."""
    chance = Random(1)
    words = [f"{chance.choice('abcdefgh')}{number}" for number in range(300)]
    text = " ".join(chance.choices(words, k=byte_size))
    return {"text": text[: byte_size - len('{"text":""}')]}


async def updates(url: str) -> tuple[int, int]:
    """Rows of the sessions that were updated, and those of them that no index heard of."""
    connection = await asyncpg.connect(url)
    query = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'sessions'"
    try:
        async with asyncio.timeout(10):
            while True:
                await connection.execute("SELECT pg_stat_clear_snapshot()")
                row = await connection.fetchrow(query)
                updated, hot = row or (0, 0)
                writers = await connection.fetchval(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'session-keeper' "
                    "AND datname = current_database()"
                )
                if updated and not writers:
                    return updated, hot
    finally:
        await connection.close()
