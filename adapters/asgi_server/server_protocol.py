"""One connection, with bounds on time, bytes, headers and what is left over when it closes."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any

import httptools
from uvicorn import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl

from adapters.asgi_server.exchange import Exchange
from adapters.asgi_server.limits import ServerLimits
from adapters.asgi_server.lingering_transport import LingeringTransport
from adapters.asgi_server.overload import Reason
from adapters.asgi_server.refusal import (
    BODY_TOO_SLOW,
    CONNECTIONS_TOO_MANY,
    HEADERS_TOO_SLOW,
    REQUESTS_TOO_MANY,
    STOPPING,
    Refusal,
)
from adapters.asgi_server.request_reader import Phase, RequestReader, StopReading
from adapters.asgi_server.server_state import GuardedState

logger = logging.getLogger("session_keeper.server")

ANSWER_SECONDS = 1.0  # what the application has to answer a body that is too large
STARTS_MAX = 32  # requests that begin in one turn of the loop: some ms, then sockets are looked at again
PIPELINE_MAX = 64  # requests sent ahead on one connection
DROPPED_BYTES_MAX = 16 * 1024 * 1024  # what may follow a refusal before the answers ahead of it are out
REFUSALS_MAX = 1024  # connections over the limit that are answered 503 at a time; the rest are only cut


class GuardedConfig(Config):
    """uvicorn's configuration together with the limits that its protocol needs."""

    def __init__(self, app: Callable[..., Any], *, limits: ServerLimits, **options: Any) -> None:
        super().__init__(app, **options)
        self.limits = limits


class GuardedProtocol(asyncio.Protocol):
    """HTTP/1.1 over httptools' parser, with a bound on everything that a sender decides.

    Every refusal is decided here, without the application: 400 (not HTTP), 408 (too slow), 431 (headers),
    503 (too many connections, or requests under way). A body over `body_bytes_max` is no longer read; the
    application, which has seen one byte too many, has a second to answer before 413 is sent for it.

    What the other side sent, whose turn it is, how long we wait and when all ends depend on each other in
    every method, so they stand together; what does not is in the files beside this one.
    """

    transport: LingeringTransport

    def __init__(
        self,
        config: GuardedConfig,
        server_state: GuardedState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.config = config
        self.limits = config.limits
        self.state = server_state
        self.default_head = server_state.default_head
        self.begins = server_state.started
        self.write_paused = False
        self.read_paused = False
        self.due = inf  # when the other side is late, by the clock of the loop
        self._loop = _loop or asyncio.get_running_loop()
        self._app = config.loaded_app
        self._app_state = app_state
        self._running: Exchange | None = None  # the application has it, and has not answered
        self._waiting: deque[Exchange] = deque()  # behind the running one
        self._deaf = False  # what arrives is dropped
        self._draining = False
        self._is_idle = False
        self._dropped_bytes = 0
        self._stalled: asyncio.TimerHandle | None = None
        self._writable: asyncio.Event | None = None

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = LingeringTransport(transport, self._loop, self.limits.idle_seconds_max)
        connections: set[Any] = self.state.connections
        connections.add(self)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "server": get_local_addr(transport),
            "client": get_remote_addr(transport),
            "scheme": "https" if is_ssl(transport) else "http",
            "root_path": self.config.root_path,
        }
        self._reader = RequestReader(self, self.limits, scope, self._app_state)
        excess = len(connections) - self.limits.connections_max
        if excess <= 0:
            self._set_due(self.limits.header_seconds_max)
            return
        self._deaf = self.transport.unread = True
        self.state.refusals.count(Reason.CONNECTIONS)
        if excess > REFUSALS_MAX:
            self.transport.abort()
        else:
            self._end(None, CONNECTIONS_TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason changes nothing
        connections: set[Any] = self.state.connections
        connections.discard(self)
        if self._stalled is not None:
            self._stalled.cancel()
        self._deaf = True
        self.due = inf
        for exchange in (self._running, *self._waiting):
            if exchange is not None:
                exchange.disconnect()
        self._running = None
        self._waiting.clear()
        self.resume_writing()
        self.transport.lost()
        self._reader.close()

    def data_received(self, data: bytes) -> None:
        if self._deaf or self.transport.is_closing():
            self._drop(len(data))
            return
        if self._is_idle:
            self._is_idle = False
            self.due = inf
        reader = self._reader
        try:
            reader.feed(data)
        except httptools.HttpParserUpgrade:
            # No other protocol is spoken here (RFC 9110, section 7.8): the request is answered as it is.
            self._deaf = self.transport.unread = True
            self._answer_and_close()
            return
        except (httptools.HttpParserError, StopReading):
            if not self._deaf:
                self._refuse(reader.refusal)
            return
        if self.due == inf and (reader.carried_bytes or reader.phase is not Phase.BETWEEN):
            body = reader.phase is Phase.BODY
            self._set_due(self.limits.body_seconds_max if body else self.limits.header_seconds_max)

    def eof_received(self) -> None:
        """The transport closes itself: half of a connection is none."""

    def _drop(self, size: int) -> None:
        """Answers are still owed, but not to one who floods us meanwhile; a deadline bounds it as well."""
        self._dropped_bytes += size
        if self.due == inf and self._dropped_bytes > DROPPED_BYTES_MAX and not self.transport.is_closing():
            self.transport.abort()

    def close(self) -> None:
        self.transport.close()

    def shutdown(self) -> None:
        """Answer what has begun, and close."""
        self._draining = True
        if self._running is None:
            self.close()
        else:
            self._answer_and_close()

    def cut_short(self) -> None:
        """Answer 503 where nothing was answered yet, and close: the time to drain is over."""
        if self._running is not None:
            self._end(self._running, STOPPING)
        self.close()

    # The two directions

    def pause_writing(self) -> None:
        self.write_paused = True
        self._stalled = self._loop.call_later(self.limits.idle_seconds_max, self.transport.abort)

    def resume_writing(self) -> None:
        self.write_paused = False
        if self._writable is not None:
            self._writable.set()
        if self._stalled is not None:
            self._stalled.cancel()

    async def writable(self) -> None:
        if self._writable is None:
            self._writable = asyncio.Event()
        self._writable.clear()
        await self._writable.wait()

    def resume_reading(self) -> None:
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def pause_reading(self) -> None:
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    # Requests

    def is_too_far_ahead(self) -> bool:
        return len(self._waiting) >= PIPELINE_MAX

    def head_arrived(self, exchange: Exchange) -> None:
        self.due = inf
        if self._running is None:
            self._start(exchange)
        else:
            self.pause_reading()
            self._waiting.append(exchange)

    def body_too_large(self) -> None:
        """The application, which has seen it, may answer; else a deadline does."""
        self._deaf = True
        self._set_due(ANSWER_SECONDS)

    def body_arrived(self, exchange: Exchange, *, keep_alive: bool) -> None:
        self.transport.unread = False
        self.due = inf
        if exchange.answer_complete:
            return
        if not exchange.is_begun:
            exchange.keep_alive = keep_alive and not self._draining
        exchange.more_body = False
        if exchange is self._running:
            self._begin(exchange)
        exchange.notify()

    def _start(self, exchange: Exchange) -> None:
        """Give a request to the application, or refuse it where there is no room for it."""
        self._running = exchange
        limits, clock = self.limits, self._loop.time
        if self.state.is_full(limits, clock) and exchange.scope["path"] not in limits.paths_always_answered:
            exchange.is_refused = True
        elif self.state.starting < STARTS_MAX:
            self._run(exchange)
        else:
            self.state.to_start.append((clock(), partial(self._run, exchange)))
        if not exchange.more_body or (exchange.is_refused and exchange.expects_continue):
            self._begin(exchange)

    def _begin(self, exchange: Exchange) -> None:
        """The body has arrived. What still has to wait for its sender takes nobody's place."""
        if not exchange.is_refused:
            exchange.is_under_way = True
            self.state.under_way += 1
            return
        self.state.refusals.count(Reason.REQUESTS)
        exchange.answer_complete = True
        self._running = None
        if exchange.keep_alive and exchange.scope["method"] != "HEAD":  # to which no body may be sent
            self.transport.write(self.state.too_many())
            self._next()
        else:
            self._end(exchange, REQUESTS_TOO_MANY)

    def answered(self, exchange: Exchange) -> None:
        """The answer is complete; the next request that was sent ahead begins."""
        if self._running is exchange:
            self._running = None
        self._give_back(exchange)
        if not self.transport.is_closing():
            self.resume_reading()
            self._next()

    def _run(self, exchange: Exchange) -> None:
        self.state.starting += 1
        self.state.tasks.add(self._loop.create_task(exchange.run(self._app)))

    def ended(self, exchange: Exchange) -> None:
        """The application is through with it."""
        self._give_back(exchange)
        # Here and not in a callback of the task, which would be one more turn of the loop.
        self.state.tasks.discard(asyncio.current_task())

    def _give_back(self, exchange: Exchange) -> None:
        if exchange.is_under_way:
            exchange.is_under_way = False
            self.state.under_way -= 1

    def _next(self) -> None:
        if self._waiting:
            self._start(self._waiting.popleft())
        elif self.due == inf and not self._deaf:
            self._is_idle = True
            self._set_due(self.limits.idle_seconds_max)

    def _answer_and_close(self) -> None:
        """The newest request is the last one: the connection ends with its answer."""
        newest = self._waiting[-1] if self._waiting else self._running
        if newest is not None:
            newest.keep_alive = False
        else:
            self.close()

    # Deadlines

    def _set_due(self, seconds: float) -> None:
        self.due = self._loop.time() + seconds

    def late(self) -> None:
        """The deadline has passed."""
        self.due = inf
        if self.transport.is_closing():
            return
        if self._deaf:
            self._refuse(self._reader.refusal)
        elif self.read_paused:
            self._set_due(self.limits.body_seconds_max)  # we do not read: the sender is not to blame
        elif self._reader.phase is Phase.BODY:
            self._refuse(BODY_TOO_SLOW)
        elif self._reader.phase is Phase.BETWEEN and not self._reader.carried_bytes:
            self.close()  # idle, or opened ahead and never used
        else:
            self._refuse(HEADERS_TOO_SLOW)

    # Refusals

    def _refuse(self, refusal: Refusal) -> None:
        """End the connection: at once, or when the requests before the one at fault are answered."""
        self._deaf = True
        self.due = inf
        self.transport.unread = True
        logger.info(
            "request refused: %d %s headers=%d header_bytes=%d body_bytes=%d",
            *(refusal.status, refusal.detail, *self._reader.sizes),
        )
        at_fault = self._reader.exchange
        if at_fault is not None and at_fault is not self._running and self._waiting:
            self._waiting.pop()
            at_fault = None
        if at_fault is None and self._running is not None:
            self._answer_and_close()
            self.resume_reading()  # or nobody would notice that the sender has gone
        else:
            self._end(at_fault, refusal)

    def _end(self, exchange: Exchange | None, refusal: Refusal) -> None:
        if exchange is not None:
            exchange.disconnect()
        if exchange is None or not exchange.answer_started:
            self.transport.write(refusal.encode(self.default_head()))
        self.close()
