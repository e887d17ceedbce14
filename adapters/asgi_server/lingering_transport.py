"""Closing a connection so that its last answer arrives."""

import asyncio
from typing import Any

LINGER_SECONDS = 2.0


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
