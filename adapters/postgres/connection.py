"""Connections to PostgreSQL, and its errors in the application's words."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from asyncpg.connect_utils import SessionAttribute
from asyncpg.pool import PoolConnectionProxy

from adapters.storage.store_url import mask_for
from application.errors import StoreUnavailable

STATEMENT_SHARE = 0.9
"""Of the store's time-out: the server gives up before we do, and the connection goes on being used."""
LOCK_SHARE = 0.1
"""Of the store's time-out: how long a statement waits for one lock. A write that meets one is tried again."""
_NO_TABLES = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InvalidSchemaNameError)
_NO_ANSWER = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
    EOFError,
    OverflowError,
)


@contextmanager
def translated_errors(mask: Callable[[str], str] = str) -> Iterator[None]:
    """What driver and network raise becomes the application's error, without the credentials of the URL."""
    try:
        yield
    except _NO_TABLES as error:
        raise StoreUnavailable("PostgreSQL: the tables are missing: run session-keeper migrate") from error
    except _NO_ANSWER as error:
        raise StoreUnavailable(f"PostgreSQL: {type(error).__name__}: {mask(_what(error))}") from error


@contextmanager
def translated_url_errors(mask: Callable[[str], str]) -> Iterator[None]:
    """What the driver raises where it reads a URL that it cannot understand, as late as it connects."""
    try:
        yield
    except ValueError as error:
        raise StoreUnavailable(f"PostgreSQL: {mask(str(error))}") from error


def _what(error: Exception) -> str:
    """The server's message without its DETAIL, which shows the row that it is about."""
    text = error.args[0] if isinstance(error, asyncpg.PostgresError) and error.args else str(error)
    return str(text) or "no answer in time"


class Connections:
    """A pool, and one deadline for all that an exchange with the server takes."""

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", timeout_seconds: float, mask: Callable[[str], str]
    ) -> None:
        self._pool = pool
        self._mask = mask
        self._timeout_seconds = timeout_seconds
        self._deadlines: set[asyncio.Timeout] = set()
        self._is_cut_off = False

    @asynccontextmanager
    async def one(self) -> AsyncIterator["PoolConnectionProxy[asyncpg.Record]"]:
        """A connection for one exchange.

        One that failed in any way is thrown away: asyncpg would wait on it for the answer to a
        cancellation, which never comes from a server that is cut off.

        Raises:
            StoreUnavailable: there was no connection or no answer in time.
        """
        if self._is_cut_off:
            raise StoreUnavailable("the store is closed")
        with translated_errors(self._mask):
            async with asyncio.timeout(self._timeout_seconds) as deadline:
                self._deadlines.add(deadline)
                try:
                    connection = await self._acquired()
                    try:
                        yield connection
                    except (OSError, TimeoutError, asyncpg.InterfaceError, asyncio.CancelledError):
                        connection.terminate()
                        raise
                    except asyncpg.ReadOnlySQLTransactionError:
                        # Its server is no primary any more, and so is that of every other connection.
                        connection.terminate()
                        await self._pool.expire_connections()
                        raise
                    finally:
                        await self._pool.release(connection)
                finally:
                    self._deadlines.discard(deadline)

    async def _acquired(self) -> "PoolConnectionProxy[asyncpg.Record]":
        with translated_url_errors(self._mask):
            return await self._pool.acquire()

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """The rows. A lock in the way, as that of a migration, is waited for as long as there is time."""
        ends_at = asyncio.get_running_loop().time() + self._timeout_seconds * (1 - LOCK_SHARE)
        while True:
            try:
                async with self.one() as connection:
                    return await connection.fetch(statement, *arguments)
            except StoreUnavailable as error:
                is_late = asyncio.get_running_loop().time() >= ends_at
                if is_late or not isinstance(error.__cause__, asyncpg.LockNotAvailableError):
                    raise

    def cut_off(self) -> None:
        """All that wait for an answer or a connection fail at once with StoreUnavailable.

        So does everybody who comes later.
        """
        self._is_cut_off = True
        for deadline in self._deadlines:
            if not deadline.expired():
                deadline.reschedule(0)


@asynccontextmanager
async def open_connections(
    url: str, *, connections_max: int, timeout_seconds: float
) -> AsyncIterator[Connections]:
    """Connections that are opened when they are wanted, also after the server was away.

    Raises:
        StoreUnavailable: the URL cannot be understood.
    """
    mask = mask_for(url)
    with translated_errors(mask), translated_url_errors(mask):
        pool = await asyncpg.create_pool(
            url,
            min_size=0,
            max_size=connections_max,
            timeout=timeout_seconds,
            command_timeout=timeout_seconds,
            reset=_keep_as_it_is,
            max_inactive_connection_lifetime=60.0,
            target_session_attrs=wanted_of_several_hosts(url),
            server_settings={
                "application_name": "session-keeper",
                "statement_timeout": _milliseconds(timeout_seconds * STATEMENT_SHARE),
                "lock_timeout": _milliseconds(timeout_seconds * LOCK_SHARE),
                "idle_in_transaction_session_timeout": _milliseconds(timeout_seconds * 2),
            },
        )
    connections = Connections(pool, timeout_seconds, mask)
    try:
        yield connections
    finally:
        connections.cut_off()
        pool.terminate()


def wanted_of_several_hosts(url: str) -> SessionAttribute | None:
    """The one that takes writes, unless the URL says otherwise; None: whatever the URL says."""
    several = "," in urlsplit(url).netloc.rpartition("@")[2]
    return SessionAttribute.read_write if several and "target_session_attrs" not in url else None


def _milliseconds(seconds: float) -> str:
    """At least 1: to PostgreSQL, 0 is no limit."""
    return str(max(1, int(seconds * 1000)))


async def _keep_as_it_is(_connection: object) -> None:
    """Nothing here changes a session's settings, so a round trip to reset them would be for nothing."""
