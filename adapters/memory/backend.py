"""The store in memory, as `STORE_URL=memory://`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.storage.backend import Backend, StoreLimits
from application.ports.session_store import SessionStore


@asynccontextmanager
async def _open(_url: str, _limits: StoreLimits) -> AsyncIterator[SessionStore]:
    from adapters.memory.store import MemorySessionStore

    yield MemorySessionStore()


async def _migrate(_url: str, _limits: StoreLimits) -> str:
    return "there is no schema"


BACKEND = Backend(
    kind="memory",
    example="memory://",
    pattern=r"memory://",
    open=_open,
    migrate=_migrate,
    is_shared=False,
    warning="the memory store forgets every session when this process ends",
)
