"""One connection, with bounds on time, bytes, headers and what is left over when it closes."""

import asyncio
import http
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Never

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

logger = logging.getLogger("session_keeper.server")

LINGER_SECONDS = 2.0
ANSWER_SECONDS = 1.0  # what the application has to answer a body that is too large
PIPELINE_MAX = 64  # requests sent ahead on one connection
DROPPED_BYTES_MAX = 16 * 1024 * 1024  # what may follow a refusal before the answers ahead of it are out
REFUSALS_MAX = 64  # connections over the limit that are answered 503; the rest are only cut


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Bounds of one server process; seconds are wall time and totals, never per read."""

    body_bytes_max: int
    header_bytes_max: int = 16_384
    header_count_max: int = 100
    header_seconds_max: float = 10.0
    body_seconds_max: float = 20.0
    idle_seconds_max: float = 75.0
    connections_max: int = 1000
    drain_seconds_max: float = 25.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer given without the application, as `application/problem+json` (RFC 9457)."""

    status: int
    detail: str

    def encode(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        problem = {
            "type": "about:blank",
            "title": http.HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        body = json.dumps(problem).encode()
        lines = [
            *headers,
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        if self.status == http.HTTPStatus.SERVICE_UNAVAILABLE:
            lines.append((b"retry-after", b"1"))
        head = b"".join(b"%s: %s\r\n" % line for line in lines)
        return STATUS_LINE[self.status] + head + b"\r\n" + body


MALFORMED = Refusal(400, "The request is not valid HTTP/1.1.")
PIPELINED_TOO_FAR = Refusal(400, "Too many requests were sent ahead of their answers.")
HEADERS_TOO_SLOW = Refusal(408, "The request's headers took too long to arrive.")
BODY_TOO_SLOW = Refusal(408, "The request's body took too long to arrive.")
BODY_TOO_LARGE = Refusal(413, "The request's body is larger than the server reads.")
HEADERS_TOO_LARGE = Refusal(431, "The request line and the headers are too large.")
HEADERS_TOO_MANY = Refusal(431, "The request has too many headers.")
CONNECTIONS_TOO_MANY = Refusal(503, "The server has as many connections as it takes.")
STOPPING = Refusal(503, "The server stopped before the request was done.")


class Phase(Enum):
    """What of a request the parser is in the middle of."""

    BETWEEN = auto()
    HEADERS = auto()
    BODY = auto()


class StopParsing(Exception):  # leaves a callback of the parser; nothing is wrong with the program
    pass


class GuardedConfig(Config):
    """uvicorn's configuration together with the limits that its protocol needs."""

    def __init__(self, app: Callable[..., Any], *, limits: ServerLimits, **options: Any) -> None:
        super().__init__(app, **options)
        self.limits = limits


class LingeringTransport(asyncio.Transport):
    """A transport whose `close` lets the other side read the answer, and always ends.

    Closing a socket with unread bytes resets the connection and destroys what was written (RFC 9112,
    section 9.6). So while `unread` is set only the writing side is closed at first, and what still
    comes is read and dropped, for two seconds at the most.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, flush_seconds_max: float
    ) -> None:
        super().__init__()
        self.unread = False
        self._transport = transport
        self._loop = loop
        self._flush_seconds_max = flush_seconds_max
        self._closing = False
        self._cut: asyncio.TimerHandle | None = None

    def close(self) -> None:
        if self.is_closing():
            return
        self._closing = True
        if self.unread:
            self._cut = self._loop.call_later(LINGER_SECONDS, self._transport.abort)
            self._transport.write_eof()
            self._transport.resume_reading()
        else:
            self._cut = self._loop.call_later(self._flush_seconds_max, self._transport.abort)
            self._transport.close()

    def is_closing(self) -> bool:
        return self._closing or self._transport.is_closing()

    def lost(self) -> None:
        self._closing = True
        self._transport.close()
        if self._cut is not None:
            self._cut.cancel()

    def abort(self) -> None:
        self._transport.abort()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._transport.write(data)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol, which by itself waits and reads for ever.

    Every refusal is decided here, without the application: 400 (not HTTP), 408 (too slow), 431 (headers),
    503 (connections). A body over `body_bytes_max` is no longer read; the application, which has seen
    one byte too many, has a second to answer before 413 is sent for it.
    """

    transport: LingeringTransport

    def __init__(
        self,
        config: GuardedConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.limits = config.limits
        self._phase = Phase.BETWEEN
        self._running: RequestResponseCycle | None = None
        self._deaf = False  # what arrives is dropped
        self._draining = False
        self._keep_alive = False
        self._header_bytes = self._header_count = self._body_bytes = 0
        self._dropped_bytes = 0
        self._silent_bytes = 0  # read since the parser last made a callback
        self._refusal = MALFORMED
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(LingeringTransport(transport, self.loop, self.limits.idle_seconds_max))
        excess = len(self.connections) - self.limits.connections_max
        if excess == 1:
            logger.warning("the limit of %d connections is reached", self.limits.connections_max)
        if excess > REFUSALS_MAX:
            self._deaf = True
            self.transport.abort()
        elif excess > 0:
            self._refuse(CONNECTIONS_TOO_MANY)
        else:
            self._set_due(self.limits.header_seconds_max)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._timer, self._stalled):
            if timer is not None:
                timer.cancel()
        self._unset_keepalive_if_required()
        self._deaf = True
        if self._running is not None and not self._running.response_complete:
            self._disconnect(self._running)  # uvicorn notifies only the newest of several requests
        self.transport.lost()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._deaf:
            self._drop(len(data))
            return
        self._unset_keepalive_if_required()
        if self._due is None:
            self._set_due(self.limits.header_seconds_max)
        self._silent_bytes += len(data)
        try:
            self.parser.feed_data(data)
            if self._silent_bytes + self._header_bytes > self.limits.header_bytes_max:
                self._refuse(HEADERS_TOO_LARGE)
        except httptools.HttpParserUpgrade:
            # No other protocol is spoken here (RFC 9110, section 7.8): the request is answered as it is.
            self._deaf = self.transport.unread = True
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            if not self._deaf:
                self._refuse(self._refusal)

    def _drop(self, size: int) -> None:
        """Answers are still owed, but not to one who floods us meanwhile; a deadline bounds it as well."""
        self._dropped_bytes += size
        if self._due is None and self._dropped_bytes > DROPPED_BYTES_MAX:
            self.transport.abort()

    def shutdown(self) -> None:
        self._draining = True
        super().shutdown()

    def cut_short(self) -> None:
        """Answer 503 where nothing was answered yet, and close: the time to drain is over."""
        if self._running is not None and not self._running.response_complete:
            self._end(self._running, STOPPING)
        self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(self.limits.idle_seconds_max, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()

    # Callbacks of the parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._phase = Phase.HEADERS
        self.transport.unread = True
        self._silent_bytes = self._header_bytes = self._header_count = self._body_bytes = 0
        if self._due is None:
            self._set_due(self.limits.header_seconds_max)

    def on_url(self, url: bytes) -> None:
        self._count_header(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_count += 1
        self._count_header(len(name) + len(value) + len(": \r\n"))
        if self._header_count > self.limits.header_count_max:
            self._stop(HEADERS_TOO_MANY)
        if self._phase is Phase.HEADERS:  # trailers are dropped: RFC 9110, section 6.5.1
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._silent_bytes = 0
        if self.parser.get_http_version() not in {"1.0", "1.1"}:  # the parser knows 0.9 and 2.0 as well
            self._stop(MALFORMED)
        if len(self.pipeline) >= PIPELINE_MAX:
            self._stop(PIPELINED_TOO_FAR)
        super().on_headers_complete()
        self._header_bytes = 0
        # Stays so if the answer comes before the whole body, which ends the connection.
        self._keep_alive, self.cycle.keep_alive = self.cycle.keep_alive, False
        self._phase = Phase.BODY
        self._set_due(self.limits.body_seconds_max)

    def on_body(self, body: bytes) -> None:
        self._silent_bytes = 0
        self._body_bytes += len(body)
        super().on_body(body)
        if self._body_bytes > self.limits.body_bytes_max:
            self._deaf = True
            self._set_due(ANSWER_SECONDS)
            self._stop(BODY_TOO_LARGE)

    def on_message_complete(self) -> None:
        if not self.cycle.response_started:
            self.cycle.keep_alive = self._keep_alive and not self._draining
        super().on_message_complete()
        self._phase = Phase.BETWEEN
        self._silent_bytes = self._header_bytes = self._body_bytes = 0
        self.transport.unread = False
        self._due = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _count_header(self, size: int) -> None:
        self._silent_bytes = 0
        self._header_bytes += size
        if self._header_bytes > self.limits.header_bytes_max:
            self._stop(HEADERS_TOO_LARGE)

    def _stop(self, refusal: Refusal) -> Never:
        self._refusal = refusal
        raise StopParsing

    # Deadlines

    def _set_due(self, seconds: float) -> None:
        """Move the deadline. A timer that would ring too early is left alone: it looks again then."""
        self._due = self.loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self.loop.call_at(self._due, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        self._timer = None
        if self._due is None or self.transport.is_closing():
            return
        if self.loop.time() < self._due:
            self._timer = self.loop.call_at(self._due, self._look_at_the_clock)
        elif self._deaf:
            self._refuse(self._refusal)
        elif self.flow.read_paused:
            self._set_due(self.limits.body_seconds_max)  # we do not read: the sender is not to blame
        elif self._phase is Phase.BODY:
            self._refuse(BODY_TOO_SLOW)
        elif self._phase is Phase.BETWEEN and self._silent_bytes == 0:
            self.transport.close()  # opened ahead and never used
        else:
            self._refuse(HEADERS_TOO_SLOW)

    # Refusals

    def _refuse(self, refusal: Refusal) -> None:
        """End the connection: at once, or when the requests before the one at fault are answered."""
        self._deaf = True
        self._due = None
        self.transport.unread = True
        logger.info(
            "request refused: %d %s headers=%d header_bytes=%d body_bytes=%d",
            *(refusal.status, refusal.detail, self._header_count, self._header_bytes, self._body_bytes),
        )
        at_fault = self.cycle if self._phase is Phase.BODY else None
        if at_fault is not None and at_fault is not self._running:
            self.pipeline.popleft()
            self.cycle = self.pipeline[0][0] if self.pipeline else self._running  # type: ignore[assignment]
            at_fault = None
        if at_fault is None and self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
            self.flow.resume_reading()  # or nobody would notice that the sender has gone
        else:
            self._end(at_fault, refusal)

    def _end(self, cycle: RequestResponseCycle | None, refusal: Refusal) -> None:
        if cycle is not None:
            self._disconnect(cycle)
        if cycle is None or not cycle.response_started:
            self.transport.write(refusal.encode(self.server_state.default_headers))
        self.transport.close()

    def _disconnect(self, cycle: RequestResponseCycle) -> None:
        cycle.disconnected = True
        cycle.message_event.set()
