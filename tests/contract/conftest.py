from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from adapters.postgres.migrate import migrate_database

pytest.register_assert_rewrite(
    *(f"tests.contract.{path.stem}" for path in Path(__file__).parent.glob("contract_of_*.py"))
)


@pytest.fixture
async def postgres_url(postgres_database: str) -> str:
    """A migrated database."""
    await migrate_database(postgres_database)
    return postgres_database


@pytest.fixture
async def direct(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody else at the same database."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()
