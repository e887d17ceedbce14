# ruff: noqa: S106 - the secret of a client that nobody has
"""Answers of Genesys that make no sense, thrown at the real client: what do they cost it?

    .venv/bin/python -m benchmarks.hostile_genesys [--seconds 600] [--only NAME] [--workers 4]

A server in a process of its own answers each call with the attack that the call names; the client lives in
this process, so that its CPU, its memory and the hold-ups of its event loop can be measured. Every attack
must end in one of the application's errors, or in a success, within the deadline.
"""

import argparse
import asyncio
import contextlib
import gzip
import itertools
import json
import logging
import random
import resource
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import httpx
import stamina

from adapters.genesys.budget import GenesysBudget
from adapters.genesys.client import CallLimits, GenesysClient, GenesysEndpoints, open_http
from adapters.genesys.oauth import Credentials
from adapters.genesys.participant_attributes import find_customer
from adapters.system.clock import SystemClock
from application.errors import GenesysError
from entrypoints.version import VERSION
from tests.fakes import FakeMetrics

Send = Callable[[bytes], Awaitable[None]]
MEBI = 1024 * 1024
LIMITS = CallLimits(call_seconds_max=2.0, retry_wait_seconds_max=0.2)


def answer(body: bytes, status: int = 200, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def head(*headers: str, status: int = 200) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} x", *headers, "", ""]).encode()


async def endless(send: Send, start: bytes, piece: bytes, pause_seconds: float = 0.0) -> None:
    await send(start)
    while True:
        await send(piece)
        if pause_seconds:
            await asyncio.sleep(pause_seconds)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def participants(item: bytes, byte_size: int = 4 * MEBI - 100) -> bytes:
    return b'{"participants":[' + b",".join([item] * (byte_size // (len(item) + 1))) + b"]}"


def bomb(layers: int = 1) -> bytes:
    body = b"\0" * (64 * MEBI)
    for _ in range(layers):
        body = gzip.compress(body)
    return body


CHUNKED = "Transfer-Encoding: chunked"
FLOOD = tuple(f"Set-Cookie: c{n}={'x' * 40}; Expires=Thu, 01 Jan 2099 00:00:00 GMT" for n in range(400))

BODIES: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "html": lambda: answer(b"<html>", 200, "Content-Type: text/html"),
    "not utf-8": lambda: answer(b"\xff\xfe{}"),
    "deep": lambda: answer(b"[" * 4_000_000),
    "deep objects": lambda: answer(b'{"participants":' * 250_000),
    "deep participant": lambda: answer(b'{"participants":[{"x":' + b"[" * 1_000_000),
    "many numbers": lambda: answer(participants(b"1")),
    "many participants": lambda: answer(participants(b"{}")),
    "many customers": lambda: answer(participants(b'{"purpose":"customer","id":"a"}')),
    "many names": lambda: answer(b"{" + b",".join(b'"%d":0' % n for n in range(400_000)) + b"}"),
    "one long text": lambda: answer(b'{"participants":"' + b"x" * 4_000_000 + b'"}'),
    "long number": lambda: answer(b'{"participants":' + b"9" * 4_000_000 + b"}"),
    "large error": lambda: answer(b'{"code":"' + b"\\u0000" * 600_000 + b'"}', 400),
    "many params": lambda: answer(
        json.dumps(
            {
                "code": "missing.permissions",
                "messageWithParams": "{1}{2}" * 100_000,
                "messageParams": {str(n): "{1}" * 9 for n in range(50_000)},
            }
        ).encode(),
        403,
    ),
    "short": lambda: head("Content-Length: 1000") + b"x",
    "absurd length": lambda: head("Content-Length: " + "9" * 5000),
    "negative length": lambda: head("Content-Length: -1"),
    "two lengths": lambda: head("Content-Length: 1", "Content-Length: 2") + b"xx",
    "bad chunk": lambda: head(CHUNKED) + b"zz\r\n",
    "absurd chunk": lambda: head(CHUNKED) + b"f" * 4000 + b"\r\n",
    "no http": lambda: b"\x00" * 100_000,
    "status 999": lambda: answer(b"", 999),
    "status 100": lambda: head(status=100),
    "switching": lambda: head("Upgrade: websocket", "Connection: upgrade", status=101),
    "many headers": lambda: answer(b"{}", 200, *(f"h{n}: {n}" for n in range(3000))),
    "long header": lambda: answer(b"{}", 200, "h: " + "x" * 60_000),
    "cookies": lambda: answer(b"{}", 200, *FLOOD),
    "redirect": lambda: answer(b"", 302, "Location: /api/v2/x"),
    "bad redirect": lambda: answer(b"", 302, "Location: http://[:::/\x80"),
    "redirect to a file": lambda: answer(b"", 302, "Location: file:///etc/passwd"),
    "long redirect": lambda: answer(b"", 302, "Location: " + "/.." * 20_000),
    "gzip bomb": lambda: answer(bomb(), 200, "Content-Encoding: gzip"),
    "gzip bomb in layers": lambda: answer(bomb(2), 200, "Content-Encoding: " + "gzip, " * 1 + "gzip"),
    "many encodings": lambda: answer(b"x", 200, "Content-Encoding: " + "gzip, " * 10_000 + "gzip"),
    "deflate bomb": lambda: answer(zlib.compress(b"\0" * 64 * MEBI), 200, "Content-Encoding: deflate"),
    "bad gzip": lambda: answer(b"no gzip", 200, "Content-Encoding: gzip"),
    "unknown encoding": lambda: answer(b"{}", 200, "Content-Encoding: br"),
    "odd type": lambda: answer(b"{}", 200, "Content-Type: text/plain; charset=\x80" + "x" * 1000),
    "rate headers": lambda: answer(
        b"{}",
        200,
        "inin-ratelimit-count: " + "9" * 400,
        "inin-ratelimit-allowed: " + "9" * 400,
        "inin-ratelimit-reset: " + "9" * 400,
    ),
    "negative rate": lambda: answer(
        b"{}",
        200,
        "inin-ratelimit-count: -5",
        "inin-ratelimit-allowed: -5",
        "inin-ratelimit-reset: -5",
    ),
    **{
        f"retry-after {value[:12]!r} {status}": partial(
            answer, b"", status, f"Retry-After: {value}", f"Date: {value}"
        )
        for status in (429, 503)
        for value in (
            "-1",
            "1e99",
            "nan",
            "inf",
            "0",
            "9" * 60_000,
            "Thu, 01 Jan 99999 00:00:00 GMT",
            "Thu, 01 Jan 0001 00:00:00 +9999",
            "Thu, 01 Jan 2026 00:00:00 -" + "9" * 4000,
            ", " * 20_000,
            "1 " * 20_000,
        )
    },
}

STREAMS: dict[str, Callable[[Send], Awaitable[None]]] = {
    "endless body": lambda send: endless(send, head(), b"x" * 65_536),
    "endless chunks": lambda send: endless(send, head(CHUNKED), chunk(b"x" * 65_536)),
    "endless small chunks": lambda send: endless(send, head(CHUNKED), chunk(b"x") * 8000),
    "endless chunk extension": lambda send: endless(send, head(CHUNKED) + b"1;", b"x" * 65_536),
    "endless trailers": lambda send: endless(send, head(CHUNKED) + b"0\r\n", b"a: b\r\n" * 8000),
    "endless headers": lambda send: endless(send, b"HTTP/1.1 200 x\r\n", b"a: b\r\n" * 8000),
    "endless header line": lambda send: endless(send, b"HTTP/1.1 200 x\r\na: ", b"x" * 65_536),
    "endless status line": lambda send: endless(send, b"HTTP/1.1 200 ", b"x" * 65_536),
    "endless 100": lambda send: endless(send, b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000),
    "endless 103": lambda send: endless(send, b"", b"HTTP/1.1 103 Early\r\na: b\r\n\r\n" * 2000),
    "endless blank lines": lambda send: endless(send, b"", b"\r\n" * 32_000),
    "dripping head": lambda send: endless(send, b"HTTP/1.1 200 x\r\n", b"a: b\r\n", 0.01),
    "dripping body": lambda send: endless(send, head("Content-Length: 100000"), b"x", 0.001),
    "dripping chunks": lambda send: endless(send, head(CHUNKED), chunk(b"x"), 0.001),
    "silence": lambda send: endless(send, b"", b"", 1.0),
    "silence in body": lambda send: endless(send, head("Content-Length: 10") + b"{", b"", 1.0),
    "endless gzip": lambda send: endless(
        send, head("Content-Encoding: gzip"), gzip.compress(b"\0" * 16 * MEBI)
    ),
}


def token(value: object, expires_in: object = 3600) -> Callable[[], bytes]:
    return lambda: answer(json.dumps({"access_token": value, "expires_in": expires_in}).encode())


LOGINS: dict[str, Callable[[], bytes]] = {
    "token null": token(None),
    "token number": token(5),
    "token empty": token(""),
    "token with a line break": token("a\r\nX-Evil: 1"),
    "token of 4 MB": token("x" * 4_000_000),
    "token not ascii": token("schlüssel"),
    "token for -5 s": token("t", -5),
    "token for 0 s": token("t", 0),
    "token for 1e300 s": token("t", 1e300),
    "token for nan": token("t", float("nan")),
    "token for ever": token("t", float("inf")),
    "token for true": token("t", True),
    "token for text": token("t", "3600"),
    "token for null": token("t", None),
    "token for 400 digits": lambda: answer(b'{"access_token":"t","expires_in":' + b"9" * 400 + b"}"),
}
FINE = "fine"
WELL: dict[str, Callable[[], bytes]] = {FINE: lambda: answer(b"{}")}
ATTACKS = [*BODIES, *STREAMS, *LOGINS]


class Server:
    """Names the attack in the first path segment of a login, and in the last of any other call."""

    def __init__(self) -> None:
        self._bodies: dict[str, bytes] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def send(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while await self._exchange(reader, send):
                pass
        with contextlib.suppress(ConnectionError):
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, send: Send) -> bool:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = lines[0].split(" ")[1]
        lengths = [line for line in lines if line.lower().startswith("content-length:")]
        await reader.readexactly(int(lengths[0].split(":")[1]) if lengths else 0)
        login = path.endswith("/oauth/token")
        place = path.split("/")[1 if login else -1]
        name = ATTACKS[int(place)] if place.isdigit() else FINE
        if login and name not in LOGINS:
            await send(token("t")())
        elif not login and name in STREAMS:
            await STREAMS[name](send)
        else:
            if name not in self._bodies:
                self._bodies[name] = (BODIES | LOGINS | WELL)[name]()
            await send(self._bodies[name])
            return name == FINE or not self._bodies[name]
        return login


async def serve() -> None:
    server = await asyncio.start_server(Server().serve, "127.0.0.1", 0, limit=16 * MEBI)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


@dataclass
class Cost:
    calls: int = 0
    cpu_seconds: float = 0.0
    worst_seconds: float = 0.0
    worst_hold_up: float = 0.0
    peak_growth: int = 0
    ends: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        ends = ", ".join(f"{name} {count}" for name, count in self.ends.most_common(3))
        return (
            f"{self.calls:>6}   {1000 * self.cpu_seconds / max(1, self.calls):>8.1f} ms   "
            f"{self.worst_seconds:>6.2f} s   {1000 * self.worst_hold_up:>7.0f} ms   "
            f"{self.peak_growth / 1024:>6.1f} MB   {ends}"
        )


class HoldUps:
    """The longest time for which nothing else got a turn in the event loop."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def watch(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            self.worst = max(self.worst, time.monotonic() - before - 0.005)


def peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Driver:
    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self._url = url

    async def attack(self, name: str) -> str:
        """One write-back's worth of calls; how it ended."""
        place = ATTACKS.index(name)
        client = GenesysClient(
            http=self._http,
            endpoints=GenesysEndpoints(api_url=self._url, login_url=f"{self._url}/{place}"),
            credentials=Credentials(client_id="client", client_secret="secret"),
            budget=GenesysBudget(calls_per_minute=60_000),
            clock=SystemClock(),
            metrics=FakeMetrics(),
            limits=LIMITS,
        )
        try:
            await find_customer(client, str(place), None)
        except GenesysError as error:
            return f"{type(error).__name__} {error.failure.code[:40]}"
        except Exception as error:  # noqa: BLE001 - what this is here to find
            return f"LEAK {type(error).__name__}"
        return "a customer"


@contextlib.asynccontextmanager
async def hostile_server() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.hostile_genesys", "--serve", stdout=subprocess.PIPE
    )
    try:
        port = await process.stdout.readline() if process.stdout else b""
        yield f"http://127.0.0.1:{int(port)}"
    finally:
        process.kill()
        await process.wait()


async def drive(seconds: float, only: str | None, workers: int) -> None:
    names = [name for name in ATTACKS if only is None or only in name]
    costs = {name: Cost() for name in names}
    whole, hold_ups = Cost(), HoldUps()
    async with (
        hostile_server() as url,
        open_http(GenesysEndpoints(api_url=url, login_url=url), LIMITS, version=VERSION) as http,
    ):
        driver = Driver(http, url)
        watch = asyncio.create_task(hold_ups.watch())
        started, cpu = time.monotonic(), time.process_time()
        print(f"{'':<28}  calls      CPU each      worst      hold-up   peak RSS grew")
        for name in names:  # alone, so that each has its own figures
            await survey(driver, name, costs[name], hold_ups)
            print(f"{name:<28} {costs[name]}", flush=True)
        survey_cpu = time.process_time() - cpu
        hold_ups.worst = 0.0
        cpu, began = time.process_time(), time.monotonic()
        turns = itertools.cycle(random.Random(7).sample(names, len(names)))

        async def work() -> None:
            while time.monotonic() - started < seconds:
                name, before = next(turns), time.monotonic()
                whole.ends[await driver.attack(name)] += 1
                whole.calls += 1
                whole.worst_seconds = max(whole.worst_seconds, time.monotonic() - before)

        await asyncio.gather(*(work() for _ in range(workers)))
        watch.cancel()
    took = time.monotonic() - began
    cpu = time.process_time() - cpu
    print(
        f"\nall at once: {whole.calls} calls in {took:.0f} s by {workers} workers; CPU {cpu:.1f} s "
        f"({100 * cpu / max(took, 0.001):.0f} % of a core; {survey_cpu:.1f} s before); worst latency "
        f"{whole.worst_seconds:.2f} s; longest hold-up {1000 * hold_ups.worst:.0f} ms; "
        f"peak RSS {peak_kib() / 1024:.0f} MB"
    )
    for end, count in whole.ends.most_common():
        print(f"  {count:>6}  {end}")


async def survey(driver: Driver, name: str, cost: Cost, hold_ups: HoldUps) -> None:
    for _ in range(2):
        await asyncio.sleep(0.02)
        hold_ups.worst = 0.0
        before, cpu, peak = time.monotonic(), time.process_time(), peak_kib()
        cost.ends[await driver.attack(name)] += 1
        await asyncio.sleep(0.01)
        cost.calls += 1
        cost.cpu_seconds += time.process_time() - cpu
        cost.worst_seconds = max(cost.worst_seconds, time.monotonic() - before)
        cost.worst_hold_up = max(cost.worst_hold_up, hold_ups.worst)
        cost.peak_growth += peak_kib() - peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--only", help="attacks with this in their name")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    logging.disable()
    stamina.instrumentation.set_on_retry_hooks([])
    if arguments.serve:
        asyncio.run(serve())
    else:
        asyncio.run(drive(arguments.seconds, arguments.only, arguments.workers))


if __name__ == "__main__":
    main()
