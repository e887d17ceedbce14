"""The store in a file, as `STORE_URL=sqlite:///PATH`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.storage.backend import Backend, StoreLimits
from application.ports.session_store import SessionStore

PREFIX = "sqlite:///"


def path_of(url: str) -> Path:
    """The rest of the URL as it stands, made absolute: a file may have any name."""
    return Path(url[len(PREFIX) :]).absolute()


@asynccontextmanager
async def _open(url: str, limits: StoreLimits) -> AsyncIterator[SessionStore]:
    from adapters.sqlite.store import open_sqlite_store

    async with open_sqlite_store(path_of(url), limits) as store:
        yield store


async def _migrate(url: str, limits: StoreLimits) -> str:
    from adapters.sqlite.store import migrate_file

    steps = await asyncio.to_thread(migrate_file, path_of(url), limits.timeout_seconds)
    return f"{steps} step(s) taken, the schema is the newest"


BACKEND = Backend(
    kind="sqlite",
    example="sqlite:///PATH",
    pattern=r"sqlite:///.+",
    place=lambda url: f"{PREFIX}{path_of(url)}",
    file=path_of,
    open=_open,
    migrate=_migrate,
)
