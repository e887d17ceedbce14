"""Bodies that make no sense, sent to the real service: what do they cost it, and who has to wait?

    .venv/bin/python -m benchmarks.hostile_bodies [--seconds 300] [--only NAME] [--workers 8]

The service runs in a process of its own, with a store in memory. While bodies of all kinds arrive, the
probe `/health/live` is asked every 20 ms over a connection of its own: its worst answer is what a neighbour
notices. Whatever the bytes, the answer must not be a 5xx.
"""

import argparse
import asyncio
import contextlib
import gzip
import itertools
import json
import os
import random
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

COMMAND = Path(sys.executable).with_name("session-keeper")
SIZE = 131_000
DICE = random.Random(7)
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def event(context: str = "{}", **fields: str) -> bytes:
    members = {"sessionId": '"s"', "eventType": '"message"', "context": context, **fields}
    return ("{" + ",".join(f'"{name}":{text}' for name, text in members.items()) + "}").encode()


def repeated(piece: str, around: tuple[str, str] = ("[", "]"), separator: str = ",") -> str:
    return around[0] + separator.join([piece] * (SIZE // (len(piece) + len(separator)))) + around[1]


def names(count: int, name: Callable[[int], str], value: str = "1") -> str:
    return "{" + ",".join(f'"{name(n)}":{value}' for n in range(count)) + "}"


def nested(depth: int, name: str, inside: str) -> str:
    return f'{{"{name}":' * depth + inside + "}" * depth


BODIES: dict[str, Callable[[], bytes]] = {
    "a good event": lambda: event('{"a":{"b":[1,2,3]}}'),
    "a large good event": lambda: event(names(200, lambda n: f"v{n}", '"' + "x" * 30 + '"')),
    "nothing": lambda: b"",
    "wild bytes": lambda: DICE.randbytes(SIZE),
    "wild ascii": lambda: bytes(DICE.randrange(32, 127) for _ in range(SIZE)),
    "brackets": lambda: b"[" * SIZE,
    "objects": lambda: (b'{"a":' * SIZE)[:SIZE],
    "brackets in the context": lambda: event("[" * 60_000 + "]" * 60_000),
    "nested to the limit": lambda: event(nested(30, "n" * 250, "1")),
    "nested, many wrong": lambda: event(nested(30, "~" * 250, names(60, lambda n: f"\\u0001{n}", "1e999"))),
    "white space": lambda: b" " * SIZE,
    "white space in between": lambda: event(repeated("1" + " " * 50)),
    "long number": lambda: event("9" * (SIZE - 100)),
    "long fraction": lambda: event("0." + "9" * (SIZE - 100)),
    "long exponent": lambda: event("1e" + "9" * (SIZE - 100)),
    "many huge numbers": lambda: event(repeated("1e400")),
    "many long floats": lambda: event(repeated("-1." + "7" * 700 + "e-300")),
    "many denormals": lambda: event(repeated("4.9406564584124654e-324")),
    "many numbers": lambda: event(repeated("1")),
    "escapes": lambda: event('{"a":"' + "\\u0041" * (SIZE // 7) + '"}'),
    "nul escapes": lambda: event('{"a":"' + "\\u0000" * (SIZE // 7) + '"}'),
    "surrogates": lambda: event('{"a":"' + "\\ud800" * (SIZE // 7) + '"}'),
    "surrogate pairs": lambda: event('{"a":"' + "\\ud83d\\ude00" * (SIZE // 13) + '"}'),
    "backslashes": lambda: event('{"a":"' + "\\\\" * (SIZE // 2 - 100) + '"}'),
    "quotes": lambda: event('{"a":"' + '\\"' * (SIZE // 2 - 100) + '"}'),
    "a string without an end": lambda: b'{"a":"' + b"\\" * SIZE,
    "duplicate names": lambda: event(names(9000, lambda _: "a")),
    "duplicates by escapes": lambda: event(names(4000, lambda n: "\\u0061" if n % 2 else "a")),
    "many names": lambda: event(names(11_000, str)),
    "names to the limit": lambda: event(names(2000, lambda n: f"{n:040}")),
    "long names": lambda: event(names(20, lambda n: f"{n:06000}")),
    "dangerous names": lambda: event(names(5000, lambda _: "__proto__")),
    "empty names": lambda: event(names(9000, lambda _: "")),
    "many small objects": lambda: event(repeated("{}")),
    "many small arrays": lambda: event('{"a":' + repeated("[[]]") + "}"),
    "colons in strings": lambda: event('{"a":"' + ":" * (SIZE - 100) + '"}'),
    "long session id": lambda: event(sessionId='"' + "a" * 120_000 + '"'),
    "long moment": lambda: event(occurredAt='"' + "2026-01-01T00:00:00." + "9" * 60_000 + 'Z"'),
    "large moment": lambda: event(occurredAt="1" + "0" * 300),
    "many unknown fields": lambda: event(**{f"f{n}": "1" for n in range(1900)}),
    "many wrong fields": lambda: event(**dict.fromkeys(("ttlSeconds", "subjectId", "occurredAt"), "[[]]")),
    "utf-16": lambda: json.dumps({"sessionId": "s"}).encode("utf-16"),
    "byte order mark": lambda: b"\xef\xbb\xbf" + event(),
    "overlong utf-8": lambda: event('{"a":"') + b"\xc0\x80" * 60_000,
    "too large": lambda: b"x" * 2_000_000,
}
Write = Callable[[bytes], None]


def head(length: int | None, *headers: str) -> bytes:
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    lines = [
        "POST /webhook/messaging HTTP/1.1",
        "Host: x",
        "Content-Type: application/json",
        framing,
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def _chunks(size: int, pause_seconds: float, most: int) -> AsyncIterator[bytes]:
    yield head(None)
    for _ in range(most):
        yield b"%x\r\n%s\r\n" % (size, b" " * size)
        if pause_seconds:
            await asyncio.sleep(pause_seconds)
    yield b"0\r\n\r\n"


async def _at_once(*parts: bytes) -> AsyncIterator[bytes]:
    yield b"".join(parts)


def one_byte_chunks(count: int) -> bytes:
    return head(None) + b"1\r\n \r\n" * count + b"0\r\n\r\n"


WIRES: dict[str, Callable[[], AsyncIterator[bytes]]] = {
    "one-byte chunks": lambda: _at_once(one_byte_chunks(130_000)),
    "chunks dripping": lambda: _chunks(1, 0.01, 150),
    "a body that stops": lambda: _at_once(head(1000), b"{"),
    "a wrong length": lambda: _at_once(head(5), event()),
    "chunk extensions": lambda: _at_once(head(None), b"1;" + b"x" * 100_000 + b"\r\n \r\n0\r\n\r\n"),
    "chunk sizes of 400 digits": lambda: _at_once(head(None), b"f" * 400 + b"\r\n"),
    "trailers": lambda: _at_once(head(None), b"1\r\n \r\n0\r\n", b"a: b\r\n" * 20_000),
    "compressed": lambda: _at_once(
        head(len(body := gzip.compress(b" " * 10_000_000)), "Content-Encoding: gzip"), body
    ),
    "two lengths": lambda: _at_once(head(2, "Content-Length: 3"), b"{}}"),
    "many headers": lambda: _at_once(head(2, *(f"h{n}: {n}" for n in range(5000))), b"{}"),
    "sent ahead": lambda: _at_once(*([head(len(event())) + event()] * 60)),
}
ATTACKS = [*BODIES, *WIRES]


@dataclass
class Cost:
    requests: int = 0
    cpu_seconds: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)


class Attacker:
    def __init__(self, port: int) -> None:
        self._port = port
        self._bodies: dict[str, bytes] = {}

    async def attack(self, name: str) -> str:
        """The status of the answer, or how the connection ended."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            async with asyncio.timeout(30):
                sending = asyncio.create_task(self._send(name, writer))
                try:
                    line = await reader.readline()
                    await reader.read(65_536)
                finally:
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)
            return line.decode("latin-1").split(" ")[1] if line else "closed"
        except (ConnectionError, TimeoutError) as error:
            return type(error).__name__
        finally:
            writer.transport.abort()

    async def _send(self, name: str, writer: asyncio.StreamWriter) -> None:
        if name in WIRES:
            async for part in WIRES[name]():
                writer.write(part)
                await writer.drain()
            return
        if name not in self._bodies:
            self._bodies[name] = BODIES[name]()
        body = self._bodies[name]
        writer.write(head(len(body)) + body)
        await writer.drain()


class Probe(threading.Thread):
    """Asks whether the service lives, in a thread of its own."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self.seconds: list[float] = []
        self.failures = 0
        self.over = threading.Event()

    def run(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port)
        while not self.over.wait(0.02):
            before = time.monotonic()
            connection.request("GET", "/health/live")
            answer = connection.getresponse()
            answer.read()
            self.failures += answer.status != HTTPStatus.OK
            self.seconds.append(time.monotonic() - before)


class Process:
    def __init__(self, pid: int) -> None:
        self._pid = pid

    @property
    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def peak_mb(self) -> float:
        status = Path(f"/proc/{self._pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@contextlib.asynccontextmanager
async def service(port: int) -> AsyncIterator[Process]:
    settings = {
        "SESSION_KEEPER_STORE_URL": "memory://",
        "SESSION_KEEPER_SYNC_TARGET": "none",
        "SESSION_KEEPER_LOG_LEVEL": "error",
    }
    with tempfile.TemporaryDirectory() as directory:
        process = await asyncio.create_subprocess_exec(
            COMMAND, "serve", "--port", str(port), env={**os.environ, **settings}, cwd=directory
        )
        try:
            for _ in range(200):
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                await asyncio.sleep(0.1)
            yield Process(process.pid)
        finally:
            process.terminate()
            await process.wait()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def worst(probe: Probe, since: int) -> str:
    seconds = probe.seconds[since:] or [0.0]
    return f"{1000 * statistics.median(seconds):5.1f} {1000 * max(seconds):7.0f} ms"


def turns_of(chosen: list[str]) -> Iterator[str]:
    return itertools.cycle(random.Random(7).sample(chosen, len(chosen)))


async def drive(seconds: float, only: str | None, workers: int) -> None:
    chosen = [name for name in ATTACKS if only is None or only in name]
    port = free_port()
    async with service(port) as process:
        attacker, probe = Attacker(port), Probe(port)
        probe.start()
        started = time.monotonic()
        print(f"{'':<28}   CPU each   probe: median and worst   answers")
        for name in chosen:
            before, since = process.cpu_seconds, len(probe.seconds)
            answers = Counter([await attacker.attack(name) for _ in range(5)])
            await asyncio.sleep(0.05)
            cpu = 1000 * (process.cpu_seconds - before) / 5
            print(f"{name:<28} {cpu:7.1f} ms   {worst(probe, since)}   {dict(answers)}", flush=True)
        before, since, began = process.cpu_seconds, len(probe.seconds), time.monotonic()
        whole, turns = Counter[str](), turns_of(chosen)

        async def work() -> None:
            while time.monotonic() - started < seconds:
                whole[await attacker.attack(next(turns))] += 1

        await asyncio.gather(*(work() for _ in range(workers)))
        took, cpu = time.monotonic() - began, process.cpu_seconds - before
        probe.over.set()
        print(
            f"\nall at once: {whole.total()} requests in {took:.0f} s by {workers} workers; CPU {cpu:.1f} s "
            f"({100 * cpu / max(took, 0.001):.0f} % of a core); probe {worst(probe, since)}, "
            f"{probe.failures} failures; peak RSS {process.peak_mb:.0f} MB"
        )
        print("  " + ", ".join(f"{answer}: {count}" for answer, count in whole.most_common()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--only", help="attacks with this in their name")
    parser.add_argument("--workers", type=int, default=8)
    arguments = parser.parse_args()
    asyncio.run(drive(arguments.seconds, arguments.only, arguments.workers))


if __name__ == "__main__":
    main()
