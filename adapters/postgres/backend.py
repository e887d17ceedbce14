"""The store in PostgreSQL, as `STORE_URL=postgresql://USER:PASSWORD@HOST:PORT/DATABASE`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.storage.backend import Backend, StoreLimits
from adapters.storage.store_url import SERVER_URL
from application.ports.session_store import SessionStore


@asynccontextmanager
async def _open(url: str, limits: StoreLimits) -> AsyncIterator[SessionStore]:
    from adapters.postgres.store import open_postgres_store

    async with open_postgres_store(url, limits) as store:
        yield store


async def _migrate(url: str, _limits: StoreLimits) -> str:
    from adapters.postgres.migrate import migrate_database

    await migrate_database(url)
    return "the schema is the newest"


BACKEND = Backend(
    kind="postgresql",
    aliases=("postgres",),
    example="postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
    pattern=rf"postgres(ql)?{SERVER_URL}",
    open=_open,
    migrate=_migrate,
    needs=("alembic", "asyncpg", "sqlalchemy"),
)
