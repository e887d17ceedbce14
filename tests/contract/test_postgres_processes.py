import asyncio
from collections.abc import Iterator

import pytest

from adapters.postgres.migrate import migrate_database
from tests.contract import worker
from tests.contract.contract_of_migrations import MigrationContract
from tests.contract.contract_of_processes import (
    ProcessContract,
    acknowledged_by,
    missing,
    wait_for_lines,
    workers,
)
from tests.servers.postgres import PostgresServer, open_postgres_server


class TestPostgresMigrations(MigrationContract):
    kind = "postgresql"

    @pytest.fixture
    def empty_url(self, postgres_database: str) -> str:
        return postgres_database


class TestPostgresProcesses(ProcessContract):
    kind = "postgresql"
    processes = 8
    sessions = 200

    @pytest.fixture
    def store_url(self, postgres_database: str) -> str:
        asyncio.run(migrate_database(postgres_database))
        return postgres_database


@pytest.fixture
def server(postgres_server: PostgresServer) -> Iterator[PostgresServer]:  # noqa: ARG001 - skips without binaries
    with open_postgres_server() as server:
        yield server


async def test_what_was_acknowledged_survives_the_killing_of_the_server(server: PostgresServer) -> None:
    url = server.create_database()
    await migrate_database(url)
    with workers("acknowledge", (url, "s", "a"), (url, "s", "b")) as processes:
        for _ in range(2):
            wait_for_lines(processes, 40)
            server.kill()
            await asyncio.to_thread(server.start)
        wait_for_lines(processes, 40)

    acknowledged = set.union(*(acknowledged_by(process) for process in processes))
    assert len(acknowledged) > 200
    async with worker.open_store(url) as store:
        assert await missing(store, acknowledged) == set()
