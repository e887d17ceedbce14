"""HTTP with whoever answers for Genesys, within bounds: what one answer may cost in bytes, parts and memory.

httpx and h11 bound a head that is not complete (100 KiB) and nothing else: neither the number of interim
answers before it, nor that of the chunks of a body, nor what a compressed body grows to in one step.
"""

import asyncio
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.cookiejar import CookieJar
from typing import Any

import httpx

HEAD_BYTES_MAX = 64 * 1024
"""Nothing more is read of an answer whose head is not complete after so much."""
HEAD_STEP_BYTES = 8 * 1024
BODY_STEP_BYTES = 64 * 1024
ANSWER_BYTES_MAX = 4 * 1024 * 1024
"""Of a body, decompressed; a conversation with thousands of messages has less."""
ANSWER_PIECES_MAX = 4096
"""Chunks or network reads of a body. Each costs some 20 µs, however small it is."""
TURN_PIECES = 128
"""After so many pieces others get their turn: they may all have come in one read."""
ACCEPT_ENCODING = "gzip"


class AnswerTooLarge(Exception):
    """An answer went over what is read of one."""


class _Allowance:
    """How many bytes of the network the answer under way may still use."""

    def __init__(self) -> None:
        self._left = HEAD_BYTES_MAX
        self._step = HEAD_STEP_BYTES

    def step(self, byte_size: int) -> int:
        """How much to read next; of a head little at once, so that others get their turn."""
        if self._left <= 0:
            raise AnswerTooLarge
        return min(byte_size, self._step)

    def spend(self, byte_size: int) -> None:
        self._left -= byte_size

    def head_is_complete(self) -> None:
        self._left = 2 * ANSWER_BYTES_MAX  # chunked encoding takes some, too
        self._step = BODY_STEP_BYTES


_allowance: ContextVar[_Allowance | None] = ContextVar("allowance", default=None)


@contextmanager
def one_answer() -> Iterator[_Allowance]:
    """Within it, this task reads one answer; it calls `head_is_complete` before it reads the body."""
    allowance = _Allowance()
    token = _allowance.set(allowance)
    try:
        yield allowance
    finally:
        _allowance.reset(token)


async def read_body(response: httpx.Response) -> bytes:
    """The whole body, decompressed.

    Raises:
        AnswerTooLarge: it is over ANSWER_BYTES_MAX, or in more than ANSWER_PIECES_MAX pieces.
        httpx.DecodingError: its encoding was not asked for, or is not what it says.
    """
    unpack = _unpacker(response.headers.get("content-encoding", ""))
    body, pieces = bytearray(), 0
    async for piece in response.aiter_raw():
        pieces += 1
        body += piece if unpack is None else _unpacked(unpack, piece, ANSWER_BYTES_MAX + 1 - len(body))
        if len(body) > ANSWER_BYTES_MAX or pieces > ANSWER_PIECES_MAX:
            raise AnswerTooLarge
        if pieces % TURN_PIECES == 0:
            await asyncio.sleep(0)
    if unpack is not None and pieces and not unpack.eof:
        raise httpx.DecodingError("the compressed body has no end")
    return bytes(body)


def _unpacker(encoding: str) -> "zlib._Decompress | None":
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        case _:
            raise httpx.DecodingError("an encoding that was not asked for")


def _unpacked(unpack: "zlib._Decompress", piece: bytes, length_max: int) -> bytes:
    """At most `length_max` bytes, however far the piece would grow."""
    if unpack.eof:
        return b""
    try:
        return unpack.decompress(piece, max(1, length_max))
    except zlib.error as error:
        raise httpx.DecodingError("no gzip") from error


class BoundedTransport(httpx.AsyncHTTPTransport):
    """Counts what `one_answer` allows where bytes come in.

    httpx has no parameter for the network of its connection pool; a test holds that the count takes place.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        pool: Any = self._pool
        pool._network_backend = _BoundedNetwork(pool._network_backend)  # noqa: SLF001 - see above


class _BoundedNetwork:
    def __init__(self, network: Any) -> None:
        self._network = network

    async def connect_tcp(self, *arguments: Any, **options: Any) -> "_BoundedStream":
        return _BoundedStream(await self._network.connect_tcp(*arguments, **options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)


class _BoundedStream:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's
        allowance = _allowance.get()
        if allowance is None:
            data: bytes = await self._stream.read(max_bytes, timeout)
            return data
        data = await self._stream.read(allowance.step(max_bytes), timeout)
        allowance.spend(len(data))
        return data

    async def start_tls(self, *arguments: Any, **options: Any) -> "_BoundedStream":
        return _BoundedStream(await self._stream.start_tls(*arguments, **options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class NoCookies(CookieJar):
    """The API sets none that we need; a jar grows with whatever comes, and is sent back with each call."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Takes none."""

    def add_cookie_header(self, request: Any) -> None:
        """Sends none."""
