"""What arrives on one connection, as requests: httptools' parser, and the bounds on what it reads."""

from enum import Enum, auto
from typing import Any, Never, Protocol
from urllib.parse import unquote

import httptools

from adapters.asgi_server.exchange import BUFFERED_BYTES_MAX, Connection, Exchange
from adapters.asgi_server.limits import ServerLimits
from adapters.asgi_server.refusal import (
    BODY_TOO_LARGE,
    HEADERS_TOO_LARGE,
    HEADERS_TOO_MANY,
    MALFORMED,
    PIPELINED_TOO_FAR,
    Refusal,
)


class Phase(Enum):
    """What of a request the parser is in the middle of."""

    BETWEEN = auto()
    HEADERS = auto()
    BODY = auto()


class StopReading(Exception):  # leaves a callback of the parser; nothing is wrong with the program
    pass


class ReadConnection(Connection, Protocol):
    """What a reader needs of the connection that it is on."""

    def is_too_far_ahead(self) -> bool:
        """Whether no further request may wait behind those that are not answered."""

    def head_arrived(self, exchange: Exchange) -> None: ...

    def body_too_large(self) -> None: ...

    def body_arrived(self, exchange: Exchange, *, keep_alive: bool) -> None: ...

    def pause_reading(self) -> None: ...


class RequestReader:
    """Makes an exchange of each head, and adds the body to it.

    Attributes:
        phase: what is being read.
        exchange: its head has arrived, its body not yet.
        carried_bytes: of the reads since the parser was last through with a head or a piece of body.
        refusal: why `feed` stopped.
    """

    def __init__(
        self,
        connection: ReadConnection,
        limits: ServerLimits,
        scope: dict[str, Any],
        app_state: dict[str, Any],
    ) -> None:
        """`scope` is what the scopes of all requests on this connection have in common."""
        self.phase = Phase.BETWEEN
        self.exchange: Exchange | None = None
        self.carried_bytes = 0
        self.refusal = MALFORMED
        self._connection = connection
        self._limits = limits
        self._scope = scope
        self._app_state = app_state
        self._parser = httptools.HttpRequestParser(self)
        # A request may ask for the end of the connection and be followed by others, which are dropped.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._expects_continue = False
        self._keep_alive = False
        self._body_bytes = 0
        self._read_bytes = 0  # of this read
        self._is_through = False  # with a head or a piece of body, in this read

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Headers, their bytes as far as they are carried, and bytes of the body: of what is being read."""
        return len(self._headers), self.carried_bytes, self._body_bytes

    def feed(self, data: bytes) -> None:
        """Read on.

        Raises:
            httptools.HttpParserUpgrade: another protocol is asked for; the request is complete.
            httptools.HttpParserError: `refusal` says what is wrong; so does StopReading.
        """
        self._read_bytes = len(data)
        self._is_through = False
        self._parser.feed_data(data)
        self.carried_bytes = 0 if self._is_through else self.carried_bytes + len(data)
        if self.carried_bytes > self._limits.header_bytes_max:
            self._stop(HEADERS_TOO_LARGE)

    def close(self) -> None:
        """Let go of what refers to us: it would be garbage only for the collector."""
        self.exchange = None
        self._parser = self._connection = None  # type: ignore[assignment]

    # Callbacks of the parser: for each header one, so they do as little as can be

    def on_message_begin(self) -> None:
        self.phase = Phase.HEADERS
        self._connection.transport.unread = True
        self._expects_continue = False
        self._url = b""
        self._headers = []
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        headers = self._headers
        headers.append((name, value))
        if len(headers) > self._limits.header_count_max:
            self._stop(HEADERS_TOO_MANY)
        if name == b"expect" and value.lower() == b"100-continue":
            self._expects_continue = True

    def on_headers_complete(self) -> None:
        version = self._parser.get_http_version()
        if version not in {"1.0", "1.1"}:  # the parser knows 0.9 and 2.0 as well
            self._stop(MALFORMED)
        if self._connection.is_too_far_ahead():
            self._stop(PIPELINED_TOO_FAR)
        # The bytes are only counted one by one where the read could hold too many.
        if self.carried_bytes + self._read_bytes > self._limits.header_bytes_max:
            self._check_header_bytes()
        self.carried_bytes = 0
        exchange = Exchange(
            self._connection, self._scope_of(version), expects_continue=self._expects_continue
        )
        self._headers = []  # trailers are dropped: RFC 9110, section 6.5.1
        # The exchange has it once the whole body is there: an answer before that ends the connection.
        self._keep_alive = version != "1.0" and self._parser.should_keep_alive()
        self.exchange = exchange
        self.phase = Phase.BODY
        self._is_through = True
        self._connection.head_arrived(exchange)

    def on_body(self, body: bytes) -> None:
        self._is_through = True
        self.carried_bytes = 0
        self._body_bytes += len(body)
        exchange = self.exchange
        if exchange is not None and not exchange.answer_complete and not exchange.is_refused:
            exchange.body.append(body)
            if self._body_bytes > BUFFERED_BYTES_MAX:
                self._connection.pause_reading()
            exchange.notify()
        if self._body_bytes > self._limits.body_bytes_max:
            self._connection.body_too_large()
            self._stop(BODY_TOO_LARGE)

    def on_message_complete(self) -> None:
        exchange, self.exchange = self.exchange, None
        self.phase = Phase.BETWEEN
        self._is_through = True
        if exchange is not None:
            self._connection.body_arrived(exchange, keep_alive=self._keep_alive)

    def _scope_of(self, version: str) -> dict[str, Any]:
        url = self._url
        if url.startswith(b"/") and b"#" not in url:
            raw_path, _, query = url.partition(b"?")
        else:
            parsed = httptools.parse_url(url)
            raw_path, query = parsed.path, parsed.query or b""
        path = raw_path.decode("ascii")
        if "%" in path:
            path = unquote(path)
        root_path = self._scope["root_path"]
        return {
            **self._scope,
            "http_version": version,
            "method": self._parser.get_method().decode("ascii"),
            "path": root_path + path,
            "raw_path": root_path.encode("ascii") + raw_path,
            "query_string": query,
            "headers": self._headers,
            "state": self._app_state.copy(),
        }

    def _check_header_bytes(self) -> None:
        size = len(self._url) + sum(len(name) + len(value) + len(": \r\n") for name, value in self._headers)
        if size > self._limits.header_bytes_max:
            self._stop(HEADERS_TOO_LARGE)

    def _stop(self, refusal: Refusal) -> Never:
        self.refusal = refusal
        raise StopReading
