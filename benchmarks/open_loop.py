# ruff: noqa: ASYNC110 - it looks at what sockets did, and no event tells it
"""A load generator for one process: webhooks over raw sockets, at a rate that does not wait for answers.

A closed loop sends when it was answered, so a server that is slow is offered less, and the wait of what was
not sent is nowhere to be seen. Here every event has a time at which it should be sent, and its latency
counts from then, also when all connections were busy and it left late.
"""

import asyncio
import json
import time
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

SERVED, REFUSED, FAILED = 200, 503, 0
TICK_SECONDS = 0.001
PATIENCE_SECONDS = 15.0


def webhooks(sessions: int, byte_size: int, *, ttl_seconds: int = 3600) -> list[bytes]:
    """Requests as they go over the wire, two that differ for each session, bodies of about that size."""
    requests = []
    for number in range(sessions * 2):
        variables = {f"line{place}": f"item {place} of round {number // sessions}" for place in range(8)}
        variables["notes"] = "x" * max(0, byte_size - len(json.dumps(variables)) - 130)
        body = json.dumps(
            {
                "sessionId": f"conversation-{number % sessions:07}",
                "eventType": "message",
                "ttlSeconds": ttl_seconds,
                "context": variables,
            }
        ).encode()
        head = (
            "POST /webhook/messaging HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"User-Agent: open-loop\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


@dataclass(slots=True)
class Answers:
    """An answer a place: when its request should have been sent, after how long it came, its status."""

    sent: "array[float]" = field(default_factory=lambda: array("d"))
    seconds: "array[float]" = field(default_factory=lambda: array("d"))
    status: "array[int]" = field(default_factory=lambda: array("H"))

    def note(self, intended: float, status: int) -> None:
        self.sent.append(intended)
        self.seconds.append(time.perf_counter() - intended)
        self.status.append(status)

    def between(self, start: float, end: float, status: int) -> list[float]:
        """Latencies of requests that should have been sent then, sorted."""
        rows = zip(self.sent, self.seconds, self.status, strict=True)
        return sorted(seconds for sent, seconds, got in rows if start <= sent < end and got == status)

    def count(self, start: float, end: float, status: int) -> int:
        """How many were answered then, whenever they were sent."""
        rows = zip(self.sent, self.seconds, self.status, strict=True)
        return sum(start <= sent + seconds < end and got == status for sent, seconds, got in rows)


def percentile(seconds: Sequence[float], share: float) -> float:
    """Of sorted values, in milliseconds; NaN of none."""
    return seconds[min(len(seconds) - 1, int(len(seconds) * share))] * 1e3 if seconds else float("nan")


class Connection(asyncio.Protocol):
    """One request at a time; the answer's length is read from its head."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._received = b""
        self._intended: float | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment] # of TCP, which is both ways

    def send(self, request: bytes, intended: float) -> None:
        self._intended = intended
        if self.transport is not None:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received = received = self._received + data if self._received else data
        end = received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = received[:end].lower()
        place = head.index(b"content-length:") + len(b"content-length:")
        length = int(head[place:].split(b"\r", 1)[0])
        if len(received) < end + len(b"\r\n\r\n") + length:
            return
        self._received = b""
        if b"connection: close" in head and self.transport is not None:
            self.transport.close()
        self._done(int(received[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - cut is cut
        self.transport = None
        self._load.connections -= 1
        self._done(FAILED)

    def _done(self, status: int) -> None:
        if self._intended is not None:
            intended, self._intended = self._intended, None
            self._load.done(self, intended, status)


class Load:
    """Connections to one address, opened when they are wanted, up to a bound."""

    def __init__(self, host: str, port: int, requests: Sequence[bytes], *, connections_max: int) -> None:
        self.answers = Answers()
        self.connections = 0
        self._address = host, port
        self._requests = requests
        self._connections_max = connections_max
        self._free: list[Connection] = []
        self._late: deque[float] = deque()  # should have been sent, and no connection was free
        self._next = 0
        self._under_way = 0
        self._opening: set[asyncio.Task[None]] = set()
        self._closed_loop_until = 0.0

    async def closed_loop(self, seconds: float, connections: int) -> float:
        """As many requests at a time, each sent when one was answered; answers a second."""
        start = time.perf_counter()
        self._closed_loop_until = start + seconds
        for _ in range(connections):
            self._send(time.perf_counter())
        await self._settled()
        return self.answers.count(start, start + seconds, SERVED) / seconds

    async def open_loop(self, seconds: float, rate: float) -> tuple[float, float]:
        """So many requests a second; from when to when."""
        start = time.perf_counter()
        sent, wanted = 0, round(seconds * rate)
        while sent < wanted:
            due = min(wanted, int((time.perf_counter() - start) * rate) + 1)
            for number in range(sent, due):
                self._send(start + number / rate)
            sent = due
            await asyncio.sleep(TICK_SECONDS)
        return start, start + seconds

    async def close(self) -> None:
        await self._settled()
        for connection in self._free:
            if connection.transport is not None:
                connection.transport.close()
        await asyncio.sleep(0.1)

    def done(self, connection: Connection, intended: float, status: int) -> None:
        self._under_way -= 1
        self.answers.note(intended, status)
        now = time.perf_counter()
        if now < self._closed_loop_until:
            self._late.append(now)
        is_open = connection.transport is not None and not connection.transport.is_closing()
        if not is_open:
            if self._late:
                self._send(self._late.popleft())
        elif self._late:
            self._under_way += 1
            connection.send(self._request(), self._late.popleft())
        else:
            self._free.append(connection)

    def _send(self, intended: float) -> None:
        while self._free:
            connection = self._free.pop()
            if connection.transport is not None and not connection.transport.is_closing():
                self._under_way += 1
                connection.send(self._request(), intended)
                return
        if self.connections < self._connections_max:
            self.connections += 1
            self._under_way += 1
            task = asyncio.ensure_future(self._open(intended))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        else:
            self._late.append(intended)

    async def _open(self, intended: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(lambda: Connection(self), *self._address)
        except OSError:
            self.connections -= 1
            self._under_way -= 1
            self.answers.note(intended, FAILED)
        else:
            connection.send(self._request(), intended)

    def _request(self) -> bytes:
        request = self._requests[self._next]
        self._next = (self._next + 1) % len(self._requests)
        return request

    async def _settled(self) -> None:
        give_up = time.perf_counter() + PATIENCE_SECONDS
        while (self._under_way or self._late) and time.perf_counter() < give_up:
            await asyncio.sleep(TICK_SECONDS * 10)
