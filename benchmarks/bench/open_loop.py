"""An open loop: webhooks come when they come, whether or not the last one was answered.

Arrivals are random (a Poisson process with a fixed seed), and a latency counts from the moment at which
a webhook was meant to be sent: what waits for a connection, or for this generator, has waited too.

It is a plain loop over `select`, which sleeps to the microsecond; the timers of asyncio and uvloop are
only good to a millisecond, which is as much as what is measured here. One request costs it about 25 µs.
"""

import gc
import random
import select
import socket
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from benchmarks.bench.bodies import Requests
from benchmarks.bench.closed_loop import Load
from benchmarks.bench.quartiles import percentile

CONNECTIONS: Final = 64
CONNECTIONS_MAX: Final = 512
"""More are opened while all are busy, up to so many: `select` takes no more than 1,024 files."""
LAST_ANSWERS_SECONDS: Final = 5.0
PAUSE_SECONDS_MAX: Final = 0.05
SEED: Final = 1


def arrival_seconds(rate: float, seconds: float, seed: int = SEED) -> list[float]:
    """When webhooks are meant to be sent, from 0 to `seconds`."""
    chance, at = random.Random(seed), 0.0
    arrivals = []
    while (at := at + chance.expovariate(rate)) < seconds:
        arrivals.append(at)
    return arrivals


def answered(answer: bytes) -> bool | None:
    """Whether an answer is 200; None: more of it is to come. Its length has to be announced."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return None
    _, found, length = head.lower().partition(b"\r\ncontent-length:")
    if not found:
        return False
    if len(body) < int(length.partition(b"\r\n")[0]):
        return None
    return head.startswith(b"HTTP/1.1 200 ")


@dataclass(slots=True)
class _Generator:
    port: int
    requests: Requests
    first: int
    idle: deque[socket.socket] = field(default_factory=deque)
    sent: dict[socket.socket, float] = field(default_factory=dict)
    """The connections that wait for an answer, and when their webhook was meant to be sent."""
    partial: dict[socket.socket, bytes] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    errors: int = 0

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def run(self, arrivals: list[float]) -> float:
        """Seconds from the first arrival to the last answer."""
        self.idle.extend(self.connect() for _ in range(CONNECTIONS))
        started = time.perf_counter()
        number = 0
        while True:
            now = time.perf_counter() - started
            while number < len(arrivals) and arrivals[number] <= now and self._has_connection():
                self._send(self.first + number, started + arrivals[number])
                number += 1
            if number == len(arrivals) and not self.sent:
                break
            if now > arrivals[-1] + LAST_ANSWERS_SECONDS:
                self.errors += len(self.sent) + len(arrivals) - number
                break
            pause = arrivals[number] - (time.perf_counter() - started) if number < len(arrivals) else 1.0
            readable, _, _ = select.select(self.sent, (), (), min(max(pause, 0.0), PAUSE_SECONDS_MAX))
            for connection in readable:
                self._receive(connection)
        for connection in (*self.idle, *self.sent):
            connection.close()
        return time.perf_counter() - started

    def _has_connection(self) -> bool:
        if not self.idle and len(self.sent) < CONNECTIONS_MAX:
            self.idle.append(self.connect())
        return bool(self.idle)

    def _send(self, number: int, meant_at: float) -> None:
        connection = self.idle.pop()
        try:
            connection.sendall(self.requests.request(number))
        except OSError:
            connection.close()
            self.errors += 1
        else:
            self.sent[connection] = meant_at

    def _receive(self, connection: socket.socket) -> None:
        try:
            received = connection.recv(65_536)
        except OSError:
            received = b""
        answer = self.partial.pop(connection, b"") + received
        good = answered(answer) if received else False
        if good is None:
            self.partial[connection] = answer
            return
        meant_at = self.sent.pop(connection)
        if good:
            self.latencies.append(time.perf_counter() - meant_at)
            self.idle.append(connection)
        else:
            self.errors += 1
            connection.close()


def run_open_loop(port: int, requests: Requests, *, rate: float, seconds: float, first: int) -> Load:
    """So many webhooks a second for so long; `first` is the number of the first event."""
    generator = _Generator(port, requests, first)
    arrivals = arrival_seconds(rate, seconds)
    gc.disable()  # a collection in between would count as the service's latency
    try:
        took = generator.run(arrivals)
    finally:
        gc.enable()
    milliseconds = sorted(1_000 * latency for latency in generator.latencies)
    p50, p99 = (percentile(milliseconds, share) for share in (0.5, 0.99))
    return Load(requests=len(milliseconds), seconds=took, p50_ms=p50, p99_ms=p99, errors=generator.errors)
