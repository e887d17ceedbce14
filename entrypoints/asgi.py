"""The HTTP application of a process, with its loops running beside it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from litestar import Litestar

from adapters.http.app import create_app
from adapters.process_board.board import Board
from application.use_cases import UseCases
from entrypoints.container import Container, Service, open_service
from entrypoints.loops import running_loops, running_notes
from entrypoints.policies import http_rules
from entrypoints.processes import open_board
from entrypoints.settings import Settings


def create_service_app(settings: Settings, *, with_loops: bool) -> Litestar:
    """The application; the container is opened and closed with it."""

    @asynccontextmanager
    async def open_use_cases() -> AsyncIterator[UseCases]:
        async with open_running_service(settings, with_loops=with_loops, board=open_board(None)) as service:
            yield service.use_cases

    return create_app(open_use_cases, http_rules(settings))


class ServiceApp:
    """The application of a service that is opened before it.

    What cannot be opened is then an exception of `open`; in the application's start it would be logged
    with its stack.
    """

    def __init__(self, settings: Settings, *, with_loops: bool, board: Board) -> None:
        self._settings = settings
        self._board = board
        self._with_loops = with_loops
        self._service: Service | None = None
        self.asgi = create_app(self._use_cases, http_rules(settings))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """From before the application's start until after its end. Raises StoreUnavailable."""
        opening = open_running_service(self._settings, with_loops=self._with_loops, board=self._board)
        async with opening as service:
            self._service = service
            yield

    def refused(self, reason: str, count: int) -> None:
        """Counts what the server had no room for."""
        if self._service is not None:
            self._service.metrics.requests_refused(reason, count)

    @asynccontextmanager
    async def _use_cases(self) -> AsyncIterator[UseCases]:
        if self._service is None:
            raise AssertionError("the service is opened before its application starts")
        yield self._service.use_cases


@asynccontextmanager
async def open_running_service(
    settings: Settings, *, with_loops: bool, board: Board
) -> AsyncIterator[Service]:
    """The service, and what it does by itself. Raises StoreUnavailable."""
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(open_service(Container(settings=settings, board=board)))
        if with_loops:
            await stack.enter_async_context(running_loops(service))
        elif settings.sync_mode == "inline" and settings.delivers:
            await stack.enter_async_context(running_notes(service))
        stack.push_async_callback(service.inline_sync.close)
        yield service
