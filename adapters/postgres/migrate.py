"""Bringing a PostgreSQL database to the newest schema, or to any revision."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from adapters.postgres.connection import translated_errors, translated_url_errors, wanted_of_several_hosts
from adapters.storage.store_url import mask_for
from application.errors import StoreUnavailable

CONNECT_SECONDS_MAX = 10.0
LOCK_KEY = 0x5E55104B
"""Two migrations at once wait for each other on this advisory lock."""


async def migrate_database(url: str, revision: str = "head") -> None:
    """Runs the missing migrations in one transaction.

    Raises:
        StoreUnavailable: the database does not answer, or refuses us.
    """
    await _in_transaction(url, lambda connection: _upgrade(connection, revision))


async def downgrade_database(url: str, revision: str) -> None:
    """Takes migrations back. It deletes data, so no command of ours does it; tests and alembic do."""
    await _in_transaction(url, lambda connection: command.downgrade(_config(_locked(connection)), revision))


async def run_in_transaction(url: str, context: Any) -> None:
    """For alembic's own command line."""

    def run(connection: Connection) -> None:
        context.configure(connection=_locked(connection))
        with context.begin_transaction():
            context.run_migrations()

    await _in_transaction(url, run)


async def _in_transaction(url: str, run: Any) -> None:
    mask = mask_for(url)

    async def connect() -> asyncpg.Connection:
        with translated_url_errors(mask):
            return await asyncpg.connect(
                url, timeout=CONNECT_SECONDS_MAX, target_session_attrs=wanted_of_several_hosts(url)
            )

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    with translated_errors(mask), _translated_toolkit_errors(mask):
        try:
            async with engine.begin() as connection:
                await connection.run_sync(run)
        finally:
            await engine.dispose()


@contextmanager
def _translated_toolkit_errors(mask: Callable[[str], str]) -> Iterator[None]:
    """What SQLAlchemy and alembic raise becomes the application's error, in the server's own words."""
    try:
        yield
    except (SQLAlchemyError, CommandError) as error:
        said = error.orig if isinstance(error, DBAPIError) else error
        raise StoreUnavailable(f"PostgreSQL: {mask(str(said))}") from error


def _upgrade(connection: Connection, revision: str) -> None:
    command.upgrade(_config(_locked(connection)), revision)


def _locked(connection: Connection) -> Connection:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
    return connection


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "adapters.postgres:migrations")
    config.attributes["connection"] = connection
    return config
