"""What a sync worker does by itself: deliver sessions to Genesys, and evict what has expired."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from application.errors import StoreUnavailable
from application.use_cases.evict_expired import EvictExpired
from entrypoints.container import Service

PAUSE_AFTER_FAULT_SECONDS = 5.0
BUSY_PAUSE_SECONDS = 0.05
_log = logging.getLogger("session_keeper.loops")


@asynccontextmanager
async def running_loops(service: Service) -> AsyncIterator[None]:
    """Runs the loops beside what is done inside; at the end the sessions that are claimed are released."""
    async with AsyncExitStack() as running:
        await running.enter_async_context(_running("eviction", lambda: _evict(service)))
        if service.settings.delivers:
            await running.enter_async_context(running_notes(service))
            await running.enter_async_context(_running("sync", service.sync_loop.run))
        yield


def running_notes(service: Service) -> AbstractAsyncContextManager[None]:
    """Tells the other processes what this one, which calls Genesys, knows of it."""
    return _running("notes", service.sync_notes.keep_writing)


@asynccontextmanager
async def _running(name: str, run: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    loop = asyncio.create_task(_for_ever(name, run))
    try:
        yield
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


async def _for_ever(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """A loop that fails for a reason of our own is logged and started again, never given up."""
    while True:
        try:
            await run()
        except Exception:  # noqa: BLE001 - whatever it was, deliveries must go on
            _log.exception("a loop failed and is started again", extra={"loop": name})
            await asyncio.sleep(PAUSE_AFTER_FAULT_SECONDS)


async def _evict(service: Service) -> None:
    while True:
        try:
            more = await service.use_cases.evict_expired(EvictExpired())
        except StoreUnavailable as error:
            _log.warning("store did not answer", extra={"reason": str(error), "loop": "eviction"})
            more = False
        await asyncio.sleep(BUSY_PAUSE_SECONDS if more else service.settings.eviction_interval_seconds)
