"""The HTTP server of one process: uvicorn with bounds, a drain that ends, and an exit code."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from types import FrameType
from typing import Any

import uvicorn

from adapters.asgi_server.limits import ServerLimits
from adapters.asgi_server.overload import OnRefused
from adapters.asgi_server.server_protocol import REFUSALS_MAX, GuardedConfig, GuardedProtocol
from adapters.asgi_server.server_state import GuardedState

try:
    import resource
except ImportError:  # not on Windows, which has no such limit
    resource = None  # type: ignore[assignment]

logger = logging.getLogger("session_keeper.server")

DRAIN_TICK_SECONDS = 0.05
ACCEPTS_PER_TURN = 16
UNWIND_SECONDS = 2.0  # what cancelled requests have to clean up after themselves
FILES_BESIDE_CONNECTIONS = 256


class CannotListen(Exception):
    """The address is taken, not ours, or no address; the message names host and port."""


def run_server(
    app: Callable[..., Any],
    *,
    host: str,
    port: int,
    limits: ServerLimits,
    sock: socket.socket | None = None,
    on_ready: Callable[[str], None] | None = None,
    on_stopping: Callable[[], None] | None = None,
    on_refused: OnRefused | None = None,
    resources: Callable[[], AbstractAsyncContextManager[object]] = nullcontext,
) -> int:
    """Serve an ASGI application until SIGTERM or SIGINT, and answer with the exit code.

    0 after a graceful stop; 1 when the address or the application's start-up failed, or when a second
    SIGINT cut the stop short. Port 0 takes a free port. `sock` is a bound socket to use instead of
    `host` and `port`. `on_ready` is given the URL once connections are accepted; `on_stopping` is called
    when the stop begins, for answers that never end by themselves; `on_refused` is told how many requests
    were refused for want of room, and why. All run in the event loop.
    `resources` are open in the event loop from before the application's start until after its end; what
    they raise is raised here, while an exception in the application's start is logged whole.
    """
    try:
        listener = bind_listener(host, port) if sock is None else sock
    except CannotListen as error:
        sys.stderr.write(f"session-keeper: {error}\n")
        return 1
    allow_open_files(limits.connections_max + REFUSALS_MAX + FILES_BESIDE_CONNECTIONS)
    config = GuardedConfig(
        app,
        limits=limits,
        http=GuardedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=limits.idle_seconds_max,
    )
    server = GracefulServer(config, on_ready=on_ready, on_stopping=on_stopping, on_refused=on_refused)
    with listener, server.capture_signals(), asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        return runner.run(_serve_with(server, listener, resources))


async def _serve_with(
    server: "GracefulServer",
    listener: socket.socket,
    resources: Callable[[], AbstractAsyncContextManager[object]],
) -> int:
    async with resources():
        return await server.serve_to_exit_code(listener)


def bind_listener(host: str, port: int) -> socket.socket:
    """A TCP socket bound to the address and not yet listening: nobody connects before we are ready."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        if sys.platform != "win32":  # there it would let two processes share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError, UnicodeError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise CannotListen(f"cannot listen on {host}:{port}: {reason}") from error
    return listener


def more_handles(listener: socket.socket) -> list[socket.socket]:
    """Further descriptors of a listening socket, for a loop that accepts one connection of each in a turn.

    libuv does. In a service with a lot to do a turn takes milliseconds, so that new connections were let in
    one in some milliseconds, and waited for seconds in the kernel before anything could refuse them.
    """
    if sys.platform == "win32":
        return []
    # Not `socket.dup`, which makes the socket wait: also in the processes that share it, and serve already.
    return [socket.socket(fileno=os.dup(listener.fileno())) for _ in range(ACCEPTS_PER_TURN - 1)]


def server_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def allow_open_files(wanted: int) -> None:
    """Raise the soft limit on open files as far as the hard one lets; warn when that is too little."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        logger.warning("open files are limited to %d, the connections allowed need %d", allowed, wanted)


class GracefulServer(uvicorn.Server):
    def __init__(
        self,
        config: GuardedConfig,
        *,
        on_ready: Callable[[str], None] | None,
        on_stopping: Callable[[], None] | None,
        on_refused: OnRefused | None,
    ) -> None:
        super().__init__(config)
        self.server_state: GuardedState = GuardedState(on_refused)
        self._limits = config.limits
        self._on_ready = on_ready
        self._on_stopping = on_stopping
        self._start_failed = False
        self._forced = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve_to_exit_code(self, listener: socket.socket) -> int:
        self._loop = asyncio.get_running_loop()
        serving = asyncio.create_task(self._serve([listener, *more_handles(listener)]))
        forced = asyncio.create_task(self._forced.wait())
        await asyncio.wait({serving, forced}, return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            logger.warning("stopped by force, %d requests were cut", len(self.server_state.tasks))
            return 1
        forced.cancel()
        await serving
        return 1 if self._start_failed else 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit:  # how uvicorn reports a failed lifespan, which was logged
            self._start_failed = self.should_exit = True
        except OSError as error:  # another process began to listen between our bind and now
            sys.stderr.write(f"session-keeper: cannot listen: {error.strerror or error}\n")
            self._start_failed = self.should_exit = True
            await self.lifespan.shutdown()
        else:
            if self._on_ready is not None and sockets:
                self._on_ready(server_url(sockets[0]))

    async def on_tick(self, counter: int) -> bool:
        self.server_state.tick(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for sock in sockets or []:
            sock.close()
        logger.info(
            "stopping: requests=%d connections=%d",
            *(len(self.server_state.tasks), len(self.server_state.connections)),
        )
        if self._on_stopping is not None:
            self._on_stopping()
        try:
            async with asyncio.timeout(self._limits.drain_seconds_max):
                await self._drain()
        except TimeoutError:
            await self._cut_short()
        await self.lifespan.shutdown()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Note the signal and, unlike uvicorn, do not raise it again: the process ends with its exit code.

        A supervisor forwards SIGTERM after a terminal sent SIGINT, so only a second SIGINT is impatience.
        """
        if self.should_exit and sig == signal.SIGINT and self._loop is not None:
            self.force_exit = True
            self._loop.call_soon_threadsafe(self._forced.set)
        self.should_exit = True

    async def _drain(self) -> None:
        """Wait until all is answered; each round also shuts down connections that were accepted meanwhile."""
        while self.server_state.connections or self.server_state.tasks:
            self.server_state.tick(asyncio.get_running_loop().time())
            for connection in list(self.server_state.connections):
                connection.shutdown()
            await asyncio.sleep(DRAIN_TICK_SECONDS)

    async def _cut_short(self) -> None:
        tasks = list(self.server_state.tasks)
        logger.warning("the time to drain is over, %d requests are cut", len(tasks))
        for connection in list(self.server_state.connections):
            if isinstance(connection, GuardedProtocol):
                connection.cut_short()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=UNWIND_SECONDS)
