"""Connections to PostgreSQL, and its errors in the application's words."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy.exc import SQLAlchemyError

from application.errors import StoreUnavailable


@contextmanager
def translated_errors() -> Iterator[None]:
    """What driver, toolkit and network raise becomes the application's error."""
    try:
        yield
    except asyncpg.UndefinedTableError as error:
        raise StoreUnavailable("PostgreSQL: the tables are missing: run session-keeper migrate") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError, OSError, TimeoutError) as error:
        what = str(error) or "no answer in time"
        raise StoreUnavailable(f"PostgreSQL: {type(error).__name__}: {what}") from error


async def _keep_as_it_is(_connection: object) -> None:
    """Nothing here changes a session's settings, so a round trip to reset them would be for nothing."""


@asynccontextmanager
async def open_pool(
    url: str, *, connections_max: int, timeout_seconds: float
) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    """A pool that opens connections when they are wanted, also after the server was away."""
    pool = asyncpg.create_pool(
        url,
        min_size=0,
        max_size=connections_max,
        timeout=timeout_seconds,
        command_timeout=timeout_seconds,
        reset=_keep_as_it_is,
        max_inactive_connection_lifetime=60.0,
        server_settings={
            "application_name": "session-keeper",
            "statement_timeout": str(int(timeout_seconds * 1000)),
            "idle_in_transaction_session_timeout": str(int(timeout_seconds * 2000)),
        },
    )
    await pool
    try:
        yield pool
    finally:
        pool.terminate()


@asynccontextmanager
async def connection_from(
    pool: "asyncpg.Pool[asyncpg.Record]", timeout_seconds: float
) -> AsyncIterator["PoolConnectionProxy[asyncpg.Record]"]:
    """A connection for one exchange, within one deadline for all of it.

    One that failed in any way is thrown away: asyncpg would wait on it for the answer to a cancellation,
    which never comes from a server that is cut off.
    """
    with translated_errors():
        async with asyncio.timeout(timeout_seconds):
            connection = await pool.acquire()
            try:
                yield connection
            except (OSError, TimeoutError, asyncpg.InterfaceError, asyncio.CancelledError):
                connection.terminate()
                raise
            finally:
                await pool.release(connection)
