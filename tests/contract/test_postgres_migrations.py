"""The schema of PostgreSQL, step by step."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from adapters.postgres.migrate import downgrade_database, migrate_database
from adapters.postgres.store import open_postgres_store
from adapters.storage.backend import StoreLimits
from adapters.system.clock import SystemClock
from application.errors import StoreUnavailable
from domain.ids import SessionId
from domain.sync.state import SyncLane
from tests.contract.steps import take, variables
from tests.factories import at, event
from tests.servers.processes import LOOPBACK, free_port

PROJECT = Path(__file__).parents[2]
CONTENTS = """
SELECT 'column', table_name, column_name, data_type, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index', tablename, indexname, indexdef, NULL, NULL
    FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'relation', relname, relkind::text, array_to_string(reloptions, ' '), NULL, NULL
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""
OLD_SESSIONS = """
INSERT INTO sessions (
    session_id, revision, persistence_id, document, ledger, created_at, updated_at, expires_at,
    expires_bucket, subject_id, sync_due_at, sync_lane, sync_failure
) SELECT
    name, 1, 'p', '', '', now(), now() - interval '10 minutes', now() + interval '1 hour', 0, NULL, due_at,
    '0-live', failure
FROM (VALUES
    ('waits', now() - interval '1 minute', NULL), ('leased', now() + interval '30 seconds', NULL),
    ('delivered', NULL, NULL), ('refused', NULL, 'bad.request'),
    ('renewed', now() + interval '20 minutes', NULL)
) AS old (name, due_at, failure)
"""


def revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", "adapters.postgres:migrations")
    oldest_first = reversed(list(ScriptDirectory.from_config(config).walk_revisions()))
    return [revision.revision for revision in oldest_first]


async def contents(url: str) -> set[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return {tuple(row) for row in await connection.fetch(CONTENTS) if "alembic" not in str(row)}
    finally:
        await connection.close()


async def test_every_revision_goes_up_down_and_up_again(postgres_database: str) -> None:
    for revision, before in zip(revisions(), ["base", *revisions()], strict=False):
        below = await contents(postgres_database)
        await migrate_database(postgres_database, revision)
        above = await contents(postgres_database)
        assert above != below

        await downgrade_database(postgres_database, before)
        below_again = await contents(postgres_database)
        await migrate_database(postgres_database, revision)

        assert below_again == below
        assert await contents(postgres_database) == above
    async with open_postgres_store(postgres_database, StoreLimits()) as store:
        await take(store, event({"a": 1}))
        assert await variables(store) == {"a"}


async def test_two_migrations_at_once_both_succeed(postgres_database: str) -> None:
    await asyncio.gather(*(migrate_database(postgres_database) for _ in range(4)))

    async with open_postgres_store(postgres_database, StoreLimits()) as store:
        assert await store.clock_skew(SystemClock()) is not None


async def test_a_migration_of_what_is_migrated_changes_nothing(postgres_database: str) -> None:
    await migrate_database(postgres_database)
    async with open_postgres_store(postgres_database, StoreLimits()) as store:
        await take(store, event({"a": 1}))
        before = await contents(postgres_database)

        await migrate_database(postgres_database)

        assert await contents(postgres_database) == before
        assert await variables(store) == {"a"}


async def test_a_database_without_tables_says_what_to_do(postgres_database: str) -> None:
    async with open_postgres_store(postgres_database, StoreLimits()) as store:
        for call in (
            lambda: take(store, event({"a": 1})),
            lambda: store.read(SessionId("s"), at(0)),
            store.ping,
            store.audit_count,
        ):
            with pytest.raises(StoreUnavailable, match="run session-keeper migrate"):
                await call()
        await migrate_database(postgres_database)

        await take(store, event({"a": 1}))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda url: url.replace("/keeper", "/no_such_keeper"),
        lambda url: f"postgresql://postgres@{LOOPBACK}:{free_port()}/postgres",  # noqa: ARG005
    ],
    ids=["no such database", "nobody listens"],
)
async def test_a_database_that_is_not_there_is_an_unavailable_store(
    postgres_database: str, spoil: Callable[[str], str]
) -> None:
    with pytest.raises(StoreUnavailable) as told:
        await migrate_database(spoil(postgres_database))

    assert "\n" not in str(told.value)


async def test_the_tables_of_somebody_else_are_left_alone(postgres_database: str) -> None:
    connection = await asyncpg.connect(postgres_database)
    await connection.execute("CREATE TABLE sessions (theirs int)")
    await connection.close()
    before = await contents(postgres_database)

    with pytest.raises(StoreUnavailable, match="already exists") as told:
        await migrate_database(postgres_database)

    assert "\n" not in str(told.value)
    assert await contents(postgres_database) == before


async def test_a_revision_of_a_newer_version_is_told(postgres_database: str) -> None:
    await migrate_database(postgres_database)
    connection = await asyncpg.connect(postgres_database)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await connection.close()

    with pytest.raises(StoreUnavailable, match="9999"):
        await migrate_database(postgres_database)


@pytest.mark.parametrize("command", [["session-keeper", "migrate"], ["alembic", "upgrade", "head"]])
def test_the_commands_migrate_and_may_be_repeated(postgres_database: str, command: list[str]) -> None:
    command = [str(Path(sys.executable).parent / command[0]), *command[1:]]
    environment = os.environ | {"SESSION_KEEPER_STORE_URL": postgres_database}
    for _ in range(2):
        run = subprocess.run(
            command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr

    names = {row[1] for row in asyncio.run(contents(postgres_database))}
    assert {"sessions", "audit"} <= names


async def test_a_database_of_0_1_knows_how_long_its_sessions_have_waited(postgres_database: str) -> None:
    """The ledger cannot be read in SQL; the due time of what is due about now comes close."""
    await migrate_database(postgres_database, "0001")
    await execute(postgres_database, OLD_SESSIONS)

    await migrate_database(postgres_database)

    async with open_postgres_store(postgres_database, StoreLimits()) as store:
        backlog = await store.backlog(datetime.now(UTC))
    assert backlog.due == 2
    assert backlog.oldest_waiting_since is not None
    assert datetime.now(UTC) - backlog.oldest_waiting_since > timedelta(minutes=9)


async def test_the_version_before_can_go_on_writing(postgres_database: str) -> None:
    """It names its columns, so that it leaves the new ones alone."""
    await migrate_database(postgres_database)

    await execute(postgres_database, OLD_SESSIONS)
    await execute(
        postgres_database,
        "INSERT INTO audit (session_id, action, time) VALUES ('waits', 'SESSION_PERSISTED', now())",
    )

    async with open_postgres_store(postgres_database, StoreLimits()) as store:
        found = await store.due_for_sync(datetime.now(UTC), lane=SyncLane.LIVE, limit=10)
    assert found == ["waits"]


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
