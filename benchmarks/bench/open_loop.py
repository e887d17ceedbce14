"""An open loop: webhooks come when they come, whether or not the last one was answered.

A closed loop sends when it was answered, so a server that is slow is offered less, and the wait of what was
not sent is nowhere to be seen. Here a latency counts from the moment at which a webhook was meant to be
sent: what waits for a connection, or for this generator, has waited too.

It is a plain loop over `select`, which sleeps to the microsecond; the timers of asyncio, uvloop and epoll are
only good to a millisecond, which is as much as what is measured here. So `select` waits for an epoll, which
has no bound of 1,024 files, and tells which ones. One request costs it about 25 µs.
"""

import gc
import random
import select
import socket
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from benchmarks.bench.bodies import Requests
from benchmarks.bench.closed_loop import Load
from benchmarks.bench.quartiles import percentile

CONNECTIONS: Final = 64
CONNECTIONS_MAX: Final = 512
"""More are opened while all are busy, up to so many."""
SERVED, REFUSED, FAILED = 200, 503, 0
LAST_ANSWERS_SECONDS: Final = 5.0
PAUSE_SECONDS_MAX: Final = 0.05
SEED: Final = 1


def arrival_seconds(rate: float, seconds: float, seed: int = SEED) -> list[float]:
    """When webhooks are meant to be sent, from 0 to `seconds`: a Poisson process with a fixed seed."""
    chance, at = random.Random(seed), 0.0
    arrivals = []
    while (at := at + chance.expovariate(rate)) < seconds:
        arrivals.append(at)
    return arrivals


def status_of(answer: bytes) -> int | None:
    """The status of a whole answer; None: more of it is to come. FAILED where its length is not announced."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return None
    _, found, length = head.lower().partition(b"\r\ncontent-length:")
    if not found:
        return FAILED
    if len(body) < int(length.partition(b"\r\n")[0]):
        return None
    return int(head[len("HTTP/1.1 ") :][:3])


@dataclass(slots=True)
class Answers:
    """An answer a place: when its request was meant to be sent, after how long it came, its status."""

    meant_at: "array[float]" = field(default_factory=lambda: array("d"))
    seconds: "array[float]" = field(default_factory=lambda: array("d"))
    status: "array[int]" = field(default_factory=lambda: array("H"))

    def note(self, meant_at: float, status: int) -> None:
        self.meant_at.append(meant_at)
        self.seconds.append(time.perf_counter() - meant_at)
        self.status.append(status)

    def milliseconds(self, status: int, start: float = 0.0, end: float = float("inf")) -> list[float]:
        """Latencies of requests that were meant to be sent then, sorted."""
        rows = zip(self.meant_at, self.seconds, self.status, strict=True)
        return sorted(1e3 * seconds for at, seconds, got in rows if start <= at < end and got == status)

    def count(self, status: int, start: float, end: float) -> int:
        """How many were answered then, whenever they were sent."""
        rows = zip(self.meant_at, self.seconds, self.status, strict=True)
        return sum(start <= at + seconds < end and got == status for at, seconds, got in rows)


class Generator:
    """Sends to a port of this machine, over connections that are kept until `close`."""

    def __init__(
        self,
        port: int,
        request: Callable[[int], bytes],
        *,
        first: int = 0,
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:
        """`request` makes the request of the event with a number; `first` is the first one's."""
        self.answers = Answers()
        self._port = port
        self._request = request
        self._number = first
        self._connections_max = connections_max
        self._epoll = select.epoll()
        self._open: dict[int, socket.socket] = {}
        self._idle: deque[int] = deque()
        self._sent: dict[int, float] = {}  # waits for an answer, and when its webhook was meant to be sent
        self._partial: dict[int, bytes] = {}
        self._late: deque[float] = deque()  # meant to be sent, and no connection was idle

    def connect(self, count: int) -> None:
        """Open so many connections, ahead of what is measured."""
        for _ in range(count):
            self._connect()

    def open_loop(self, arrivals: Iterable[float], seconds: float) -> None:
        """Send when it is time, and return after so many seconds, whatever is late or unanswered then."""
        started = time.perf_counter()
        coming = deque(arrivals)
        while (now := time.perf_counter() - started) < seconds:
            while coming and coming[0] <= now:
                self._late.append(started + coming.popleft())
            self._send_late()
            until = coming[0] if coming else seconds
            self._receive(until - (time.perf_counter() - started))

    def closed_loop(self, seconds: float, connections: int) -> float:
        """As many requests at a time, each sent when one was answered; answers 200 a second."""
        started = time.perf_counter()
        while (now := time.perf_counter()) < started + seconds:
            self._late.extend([now] * (connections - len(self._sent)))
            self._send_late()
            self._receive(PAUSE_SECONDS_MAX)
        self.settle()
        return self.answers.count(SERVED, started, started + seconds) / seconds

    def settle(self) -> None:
        """Wait for what is late or unanswered; it has failed when it takes more than some seconds."""
        give_up = time.perf_counter() + LAST_ANSWERS_SECONDS
        while (self._sent or self._late) and time.perf_counter() < give_up:
            self._send_late()
            self._receive(PAUSE_SECONDS_MAX)
        while self._late:
            self.answers.note(self._late.popleft(), FAILED)
        for descriptor in [*self._sent]:
            self._drop(descriptor)

    def close(self) -> None:
        for descriptor in [*self._open]:
            self._drop(descriptor)
        self._epoll.close()

    def _connect(self) -> None:
        connection = socket.create_connection(("127.0.0.1", self._port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        descriptor = connection.fileno()
        self._open[descriptor] = connection
        self._epoll.register(descriptor, select.EPOLLIN)
        self._idle.append(descriptor)

    def _send_late(self) -> None:
        while self._late and (self._idle or len(self._open) < self._connections_max):
            meant_at = self._late.popleft()
            if not self._idle:
                try:
                    self._connect()
                except OSError:
                    self.answers.note(meant_at, FAILED)
                    continue
            descriptor = self._idle.pop()
            self._sent[descriptor] = meant_at
            number, self._number = self._number, self._number + 1
            try:
                self._open[descriptor].sendall(self._request(number))
            except OSError:
                self._drop(descriptor)

    def _receive(self, pause: float) -> None:
        select.select((self._epoll,), (), (), min(max(pause, 0.0), PAUSE_SECONDS_MAX))
        for descriptor, _ in self._epoll.poll(0):
            try:
                received = self._open[descriptor].recv(65_536)
            except OSError:
                received = b""
            if not received:
                self._drop(descriptor)
                continue
            answer = self._partial.pop(descriptor, b"") + received
            status = status_of(answer)
            if status is None or descriptor not in self._sent:
                self._partial[descriptor] = answer
                continue
            self.answers.note(self._sent.pop(descriptor), status)
            if status == FAILED or b"\r\nconnection: close\r\n" in answer.lower():
                self._drop(descriptor)
            else:
                self._idle.append(descriptor)

    def _drop(self, descriptor: int) -> None:
        """Close a connection; what waits for an answer on it has failed."""
        meant_at = self._sent.pop(descriptor, None)
        if meant_at is not None:
            self.answers.note(meant_at, FAILED)
        elif descriptor in self._idle:
            self._idle.remove(descriptor)
        self._partial.pop(descriptor, None)
        self._epoll.unregister(descriptor)
        self._open.pop(descriptor).close()


def run_open_loop(port: int, requests: Requests, *, rate: float, seconds: float, first: int) -> Load:
    """So many webhooks a second for so long; `first` is the number of the first event."""
    generator = Generator(port, requests.request, first=first)
    arrivals = arrival_seconds(rate, seconds)
    generator.connect(CONNECTIONS)
    gc.disable()  # a collection in between would count as the service's latency
    try:
        started = time.perf_counter()
        generator.open_loop(arrivals, seconds)
        generator.settle()
        took = time.perf_counter() - started
    finally:
        gc.enable()
        generator.close()
    served = generator.answers.milliseconds(SERVED)
    p50, p99 = (percentile(served, share) for share in (0.5, 0.99))
    errors = len(generator.answers.status) - len(served)
    return Load(requests=len(served), seconds=took, p50_ms=p50, p99_ms=p99, errors=errors)
