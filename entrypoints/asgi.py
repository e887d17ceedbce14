"""The HTTP application of a process, with its loops running beside it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from litestar import Litestar

from adapters.http.app import create_app
from application.use_cases import UseCases
from entrypoints.container import Container, Service, open_service
from entrypoints.loops import running_loops
from entrypoints.policies import http_rules
from entrypoints.settings import Settings


def create_service_app(
    settings: Settings, *, with_loops: bool, on_open: Callable[[Service], None] | None = None
) -> Litestar:
    """The application; the container is opened and closed with it."""

    @asynccontextmanager
    async def open_use_cases() -> AsyncIterator[UseCases]:
        async with AsyncExitStack() as stack:
            service = await stack.enter_async_context(open_service(Container(settings=settings)))
            if with_loops:
                await stack.enter_async_context(running_loops(service))
            stack.push_async_callback(service.inline_sync.close)
            if on_open is not None:
                on_open(service)
            yield service.use_cases

    return create_app(open_use_cases, http_rules(settings))
