import asyncio
from collections.abc import Iterator
from functools import partial

import asyncpg
import pytest

from adapters.postgres import rows
from adapters.postgres.migrate import migrate_database
from adapters.postgres.store import open_postgres_store
from adapters.storage.backend import StoreLimits
from application.ports.session_store import SessionStore
from tests.contract.flavours import running
from tests.contract.session_store_contract import SessionStoreContract
from tests.contract.steps import NEWER_LEDGER, OpenStore, Spoil
from tests.servers.postgres import POSTGRES_FLAVOURS, PostgresFlavour, PostgresServers


@pytest.fixture(scope="module")
def emptied_database(postgres_servers: PostgresServers, postgres_flavour: PostgresFlavour) -> Iterator[str]:
    """One for all tests, each of which finds it empty: to make and migrate one takes longer than most."""
    server = running(postgres_servers, postgres_flavour)
    url = server.create_database()
    asyncio.run(migrate_database(url))
    yield url
    server.drop_database(url)


@pytest.mark.parametrize("postgres_flavour", POSTGRES_FLAVOURS, scope="module")
class TestPostgresSessionStore(SessionStoreContract):
    kind = "postgresql"

    @pytest.fixture
    def open_store(
        self, postgres_servers: PostgresServers, postgres_flavour: PostgresFlavour, emptied_database: str
    ) -> OpenStore:
        name = emptied_database.rpartition("/")[2]
        postgres_servers.get(postgres_flavour).execute("TRUNCATE sessions, audit", name)
        return partial(open_postgres_store, emptied_database, StoreLimits(connections_max=4))

    @pytest.fixture
    def spoil(self, emptied_database: str) -> Spoil:
        async def spoil(_: SessionStore, session_id: str) -> None:
            connection = await asyncpg.connect(emptied_database)
            try:
                ledger = rows.packed(NEWER_LEDGER)
                await connection.execute(
                    "UPDATE sessions SET ledger = $1 WHERE session_id = $2", ledger, session_id
                )
            finally:
                await connection.close()

        return spoil
