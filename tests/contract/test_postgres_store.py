import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.postgres.migrate import migrate_database
from adapters.postgres.store import PostgresLimits, PostgresSessionStore, open_postgres_store
from tests.contract.session_store_contract import SessionStoreContract
from tests.contract.steps import OpenStore
from tests.servers.postgres import POSTGRES_FLAVOURS


@pytest.mark.parametrize("postgres_flavour", POSTGRES_FLAVOURS)
class TestPostgresSessionStore(SessionStoreContract):
    @pytest.fixture
    def open_store(self, postgres_database: str) -> OpenStore:
        asyncio.run(migrate_database(postgres_database))

        @asynccontextmanager
        async def opened() -> AsyncIterator[PostgresSessionStore]:
            async with open_postgres_store(postgres_database, PostgresLimits(connections_max=4)) as store:
                yield store

        return opened
