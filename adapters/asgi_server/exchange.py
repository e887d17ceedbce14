"""One request and its answer: what an ASGI application receives and sends (ASGI 3.0, HTTP 2.3)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from adapters.asgi_server.answer_head import header_line, status_line

logger = logging.getLogger("session_keeper.server")

Message = MutableMapping[str, Any]
Application = Callable[
    [dict[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[object],
]

BUFFERED_BYTES_MAX = 65_536  # of a body that the application does not read: more is left to the kernel
JOINED_BYTES_MAX = 65_536  # a body up to this size leaves in one piece with its head
_START, _BODY = "http.response.start", "http.response.body"


class Connection(Protocol):
    """What an exchange needs of the connection that it is on."""

    transport: Any
    write_paused: bool
    read_paused: bool

    def default_head(self) -> bytes: ...

    async def writable(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None: ...

    def begins(self) -> None: ...

    def answered(self, exchange: "Exchange") -> None: ...

    def ended(self, exchange: "Exchange") -> None: ...


class Exchange:
    """A request as far as it has arrived, and its answer as far as it was given.

    The head of an answer of known length is held back until its body is there: one write instead of two.
    """

    __slots__ = (
        "_connection",
        "_event",
        "_head",
        "_is_chunked",
        "_left",
        "answer_complete",
        "answer_started",
        "body",
        "disconnected",
        "expects_continue",
        "has_news",
        "is_begun",
        "is_refused",
        "is_under_way",
        "keep_alive",
        "more_body",
        "scope",
    )

    def __init__(self, connection: Connection, scope: dict[str, Any], *, expects_continue: bool) -> None:
        self.scope = scope
        self.body: list[bytes] = []
        self.more_body = True
        self.has_news = False  # for `receive`, since it last answered
        self.keep_alive = False
        self.expects_continue = expects_continue
        self.disconnected = False
        self.is_refused = False
        self.is_under_way = False
        self.is_begun = False  # the application gave the head of the answer
        self.answer_started = False  # something of the answer was written
        self.answer_complete = False
        self._connection = connection
        self._head: bytes | None = None
        self._is_chunked = False
        self._left = 0  # bytes of the body to come
        self._event: asyncio.Event | None = None  # made when somebody has to wait

    @property
    def transport(self) -> Any:
        """For who must close the connection without an answer: ASGI has no message for that."""
        return self._connection.transport

    async def run(self, app: Application) -> None:
        """Run the application to its end, whatever that is."""
        self._connection.begins()
        try:
            result = await app(self.scope, self.receive, self.send)
        except BaseException:
            logger.exception("exception in the application")
            self._fail()
        else:
            if result is not None:
                logger.error("the application answered with a value instead of messages")
                self._connection.close()
            elif not self.answer_complete and not self.disconnected:
                logger.error("the application returned without completing its answer")
                self._fail()
        finally:
            self._connection.ended(self)

    async def receive(self) -> Message:
        if self.expects_continue and not self.disconnected:
            self.expects_continue = False
            self._connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not self.disconnected and not self.answer_complete:
            if self._connection.read_paused:
                self._connection.resume_reading()
            if not self.has_news:
                await self._news()
            self.has_news = False
        if self.disconnected or self.answer_complete:
            return {"type": "http.disconnect"}
        body = b"".join(self.body)
        self.body = []
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        if self._connection.write_paused and not self.disconnected:
            await self._connection.writable()
        if self.disconnected:
            return
        if not self.is_begun:
            self._begin(message)
        elif self.answer_complete:
            raise RuntimeError(f"Unexpected ASGI message '{message['type']}' after the answer was complete.")
        else:
            self._go_on(message)

    def notify(self) -> None:
        """Something changed that `receive` may be waiting for."""
        self.has_news = True
        if self._event is not None:
            self._event.set()

    def disconnect(self) -> None:
        self.disconnected = True
        self.notify()

    async def _news(self) -> None:
        if self._event is None:
            self._event = asyncio.Event()
        self._event.clear()
        await self._event.wait()

    def _begin(self, message: Message) -> None:
        if message["type"] != _START:
            raise RuntimeError(f"Expected ASGI message '{_START}', but got '{message['type']}'.")
        status = message["status"]
        lines = [status_line(status), self._connection.default_head()]
        length: int | None = None
        is_chunked = closes = False
        for name, value in message.get("headers", ()):
            header = header_line(name, value)
            lines.append(header.line)
            if header.length is not None and not is_chunked:
                length = header.length
            elif header.is_chunked:
                length, is_chunked = None, True
            elif header.closes:
                closes = True
        if closes:
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close\r\n")
        if length is None and not is_chunked and self.scope["method"] != "HEAD" and status not in {204, 304}:
            is_chunked = True
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        self.is_begun = True
        self.expects_continue = False
        self._is_chunked = is_chunked
        self._left = length or 0
        self._head = b"".join(lines)
        if is_chunked:  # a stream, whose first piece may be long in coming
            self._write(b"")

    def _go_on(self, message: Message) -> None:
        if message["type"] != _BODY:
            raise RuntimeError(f"Expected ASGI message '{_BODY}', but got '{message['type']}'.")
        body = message.get("body", b"")
        more_body = message.get("more_body", False)
        if self.scope["method"] == "HEAD":
            body, self._left = b"", 0
        elif self._is_chunked:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            if not more_body:
                body += b"0\r\n\r\n"
        else:
            if len(body) > self._left:
                raise RuntimeError("Response content longer than Content-Length")
            self._left -= len(body)
            if not more_body and self._left:
                raise RuntimeError("Response content shorter than Content-Length")
        self._write(body)
        if not more_body:
            self._complete()

    def _write(self, body: bytes) -> None:
        self.answer_started = True
        head, self._head = self._head, None
        if head is None:
            head = b""
        elif len(body) > JOINED_BYTES_MAX:
            self._connection.transport.write(head)
            head = b""
        if head or body:
            self._connection.transport.write(head + body if head else body)

    def _complete(self) -> None:
        self.answer_complete = True
        self.notify()
        if not self.keep_alive:
            self._connection.close()
        self._connection.answered(self)

    def _fail(self) -> None:
        """500 where nothing of the answer was written, else the end of the connection."""
        if self.answer_complete or self.disconnected:
            return
        if self.answer_started:
            self._connection.close()
            return
        self.keep_alive = False
        text = b"Internal Server Error"
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(text))]
        self._begin({"type": _START, "status": 500, "headers": headers})
        self._go_on({"type": _BODY, "body": text})
