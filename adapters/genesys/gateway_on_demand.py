"""A gateway that the first call opens: a process is ready before its HTTP client and TLS are loaded."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from application.ports.genesys import CallPermit, GenesysAccess, GenesysGateway
from domain.sync.session_copy import SessionCopy
from domain.sync.state import SyncReceipt

Gateway = AbstractAsyncContextManager[GenesysGateway]


@asynccontextmanager
async def gateway_on_demand(load: Callable[[], Gateway]) -> AsyncIterator[GenesysGateway]:
    """A gateway that is loaded and opened when it is first asked for something, and closed at the end.

    `load` is called in a thread, so that imports in it hold up no request.
    """
    async with AsyncExitStack() as opened:
        yield _GatewayOnDemand(load, opened)


class _GatewayOnDemand(GenesysGateway):
    def __init__(self, load: Callable[[], Gateway], opened: AsyncExitStack) -> None:
        self._load = load
        self._opened = opened
        self._opening = asyncio.Lock()
        self._gateway: GenesysGateway | None = None

    async def write_back(self, copy: SessionCopy, permit: CallPermit) -> SyncReceipt:
        return await (self._gateway or await self._open()).write_back(copy, permit)

    async def check_access(self) -> GenesysAccess:
        return await (self._gateway or await self._open()).check_access()

    async def _open(self) -> GenesysGateway:
        async with self._opening:
            if self._gateway is None:
                gateway = await asyncio.to_thread(self._load)
                self._gateway = await self._opened.enter_async_context(gateway)
            return self._gateway
