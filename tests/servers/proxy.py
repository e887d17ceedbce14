"""A TCP proxy that breaks connections on demand."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.servers.processes import LOOPBACK, free_port

CHUNK_BYTES = 65_536
CONNECT_TIMEOUT_SECONDS = 5
LINGER_ZERO = struct.pack("ii", 1, 0)  # closing sends RST


@asynccontextmanager
async def open_fault_proxy(upstream_host: str, upstream_port: int) -> AsyncIterator["FaultProxy"]:
    proxy = FaultProxy(upstream_host, upstream_port)
    proxy.restore()
    try:
        yield proxy
    finally:
        await proxy._close()


@dataclass(frozen=True, slots=True)
class Cut:
    answer_bytes: int
    request_contains: bytes


class FaultProxy:
    """Passes everything on until told otherwise; a fault takes effect at once and lasts until `heal`."""

    def __init__(self, upstream_host: str, upstream_port: int) -> None:
        self.host = LOOPBACK
        self.port = 0
        self.upstream = (upstream_host, upstream_port)
        self.connections_accepted = 0
        self.request_bytes = 0
        self.answer_bytes = 0
        self._listener: socket.socket | None = None
        self._connections: dict[asyncio.Task[None], _Connection] = {}
        self._delay_seconds = 0.0
        self._is_blackhole = False
        self._cut: Cut | None = None
        self._changed = asyncio.Event()

    @property
    def connections_open(self) -> int:
        return len(self._connections)

    def url(self, upstream_url: str) -> str:
        """The same URL by way of this proxy."""
        parts = urlsplit(upstream_url)
        credentials, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{credentials}{at}{self.host}:{self.port}").geturl()

    def delay(self, seconds: float) -> None:
        """Each chunk waits this long, in both directions."""
        self._delay_seconds = seconds
        self._change()

    def blackhole(self) -> None:
        """Connections stay open and new ones are accepted; no byte and no end of a stream passes.

        `heal` resets a connection that lost something: a TCP stream has no holes.
        """
        self._is_blackhole = True
        self._change()

    def reset(self) -> None:
        """Cuts every open connection with RST, on both sides; new ones pass."""
        for connection in self._connections.values():
            connection.reset()
        self._change()

    def refuse(self) -> None:
        """New connections are refused; open ones go on."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def restore(self) -> None:
        """Listens again, on the same port."""
        if self._listener is None:
            self._listener = socket.create_server((self.host, self.port or free_port()), backlog=512)
            self._listener.setblocking(False)
            self.port = self._listener.getsockname()[1]
            asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    def cut_after(self, answer_bytes: int, *, request_contains: bytes = b"") -> None:
        """Cuts one connection with RST, once: the server has worked, its caller sees an error.

        The connection is the one that carries the next request, or the next with these bytes in one
        chunk of it. That many bytes of the answers that follow pass; with 0 the cut happens when the
        server answers, not before.
        """
        self._cut = Cut(answer_bytes, request_contains)

    def heal(self) -> None:
        """Everything passes again."""
        self._delay_seconds = 0.0
        self._is_blackhole = False
        self._cut = None
        for connection in self._connections.values():
            connection.heal()
        self._change()
        self.restore()

    def _change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(BlockingIOError, ConnectionError):
            accepted, _ = listener.accept()
            accepted.setblocking(False)
            self.connections_accepted += 1
            connection = _Connection(self)
            task = asyncio.create_task(connection.run(accepted))
            self._connections[task] = connection
            task.add_done_callback(self._connections.pop)

    async def _wait_delay(self) -> None:
        if self._delay_seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._delay_seconds)

    async def _close(self) -> None:
        self.heal()
        self.refuse()
        self.reset()
        await asyncio.gather(*self._connections)


class _Connection:
    def __init__(self, proxy: FaultProxy) -> None:
        self._proxy = proxy
        self._writers: list[asyncio.StreamWriter] = []
        self._has_lost_bytes = False
        self._is_reset = False
        self._answer_bytes_left: int | None = None

    async def run(self, accepted: socket.socket) -> None:
        try:
            client, to_client = await asyncio.open_connection(sock=accepted)
            self._writers.append(to_client)
            if self._proxy._is_blackhole:
                self._has_lost_bytes = True
                await self._swallow(client)
                return
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                server, to_server = await asyncio.open_connection(*self._proxy.upstream)
            self._writers.append(to_server)
            if self._is_reset:
                return
            await asyncio.gather(
                self._forward_requests(client, to_server), self._forward_answers(server, to_client)
            )
        except OSError:
            self.reset()
        finally:
            await self._close()

    def reset(self) -> None:
        self._is_reset = True
        for writer in self._writers:
            if not writer.is_closing():
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
            writer.transport.abort()

    def heal(self) -> None:
        self._answer_bytes_left = None
        if self._has_lost_bytes:
            self.reset()

    async def _forward_requests(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        async for chunk in self._passing_chunks(client, to_server):
            cut = self._proxy._cut
            if cut is not None and cut.request_contains in chunk:
                self._proxy._cut = None
                self._answer_bytes_left = cut.answer_bytes
            self._proxy.request_bytes += len(chunk)
            to_server.write(chunk)

    async def _forward_answers(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        async for chunk in self._passing_chunks(server, to_client):
            passing = chunk[: self._answer_bytes_left]
            self._proxy.answer_bytes += len(passing)
            to_client.write(passing)
            if self._answer_bytes_left is not None:
                self._answer_bytes_left -= len(passing)
                if self._answer_bytes_left == 0:
                    self.reset()

    async def _passing_chunks(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> AsyncIterator[bytes]:
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                await self._proxy._wait_delay()
                if self._is_reset:
                    return
                if self._proxy._is_blackhole:
                    self._has_lost_bytes = True
                    continue
                yield chunk
                await writer.drain()
            await self._proxy._wait_delay()
            if self._proxy._is_blackhole:
                self._has_lost_bytes = True
            elif not writer.is_closing():
                writer.write_eof()
        except OSError:
            self._has_lost_bytes = True
            if not self._proxy._is_blackhole:
                self.reset()

    async def _swallow(self, reader: asyncio.StreamReader) -> None:
        while await reader.read(CHUNK_BYTES):
            pass

    async def _close(self) -> None:
        if self._is_reset:
            self.reset()  # what was opened since
        for writer in self._writers:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
