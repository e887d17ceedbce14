"""What a webhook costs: through the whole application on each store, and what the input checks add.

    .venv/bin/python benchmarks/webhook_throughput.py stores [--against OTHER_CHECKOUT]
    .venv/bin/python benchmarks/webhook_throughput.py checks

`stores`: 64 webhooks at a time (1.6 kB each, 500 sessions) go through the application, without sockets,
on the memory store, SQLite and a PostgreSQL started for it. Each round is a process of its own; with
`--against`, rounds of this checkout and the other alternate, and the medians stand side by side. CPU
time is that of the service's process.

`checks`: both applications run in this process on the memory store; rounds alternate.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).parents[1]
ROUNDS = 21
REQUESTS = 200
STORE_ROUNDS = 5
STORE_REQUESTS = 3_000
STORE_SESSIONS = 500
CONNECTIONS = 64


def body_of(byte_size: int) -> bytes:
    """A plausible event of about so many bytes."""
    context: dict[str, Any] = {"customerId": "C-1007", "intent": "return-item", "language": "de-DE"}
    while len(json.dumps(context)) < byte_size:
        place = len(context)
        context[f"line{place}"] = {
            "item": f"Stehlampe „Ölberg“ {place}",
            "quantity": place % 3 + 1,
            "price": 19.99,
            "notes": ["fragile", "gift\nwrapped"],
        }
    event = {"sessionId": "s", "eventType": "message", "context": context}
    return json.dumps(event, ensure_ascii=False).encode()


async def post(app: Any, body: bytes, number: int, *, sessions: int = 50) -> None:
    body = body.replace(b'"s"', b'"s%d"' % (number % sessions), 1)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/webhook/messaging", "raw_path": b"/webhook/messaging", "query_string": b"", "root_path": "",
        "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    if status != 200:  # noqa: PLR2004
        raise RuntimeError(f"status {status}")


async def measure_store(url: str) -> dict[str, float]:
    """One round on one store, in this process: webhooks a second and CPU seconds for a thousand."""
    from entrypoints.asgi import create_service_app
    from entrypoints.settings import Settings

    app: Any = create_service_app(Settings(store_url=url), with_loops=False)
    body = body_of(1_600)
    numbers = iter(range(STORE_REQUESTS))

    async def connection() -> None:
        for number in numbers:
            await post(app, body, number, sessions=STORE_SESSIONS)

    async with app.lifespan():
        for number in range(STORE_SESSIONS):
            await post(app, body, number, sessions=STORE_SESSIONS)
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"rate": STORE_REQUESTS / wall, "cpu": 1_000 * cpu / STORE_REQUESTS}


@contextmanager
def fresh_store(kind: str, checkout: Path) -> Iterator[str]:
    """The URL of an empty store, migrated by the checkout that will use it."""
    if kind == "memory":
        yield "memory://"
    elif kind == "sqlite":
        with tempfile.TemporaryDirectory() as directory:
            yield f"sqlite:///{directory}/sessions.db"
    else:
        from tests.servers.postgres import open_postgres_server

        with open_postgres_server("embedded") as server:
            url = server.create_database()
            command = [sys.executable, "-m", "entrypoints.cli", "migrate"]
            subprocess.run(
                command,
                env=environment(checkout) | {"SESSION_KEEPER_STORE_URL": url},
                check=True,
                cwd=checkout,
                stdout=subprocess.DEVNULL,
            )
            yield url


def environment(checkout: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(checkout), "SESSION_KEEPER_LOG_LEVEL": "error"}


def compare_stores(checkouts: dict[str, Path]) -> None:
    print(f"{'store':<12}{'checkout':<12}{'webhooks/s':>12}{'CPU s per 1,000':>18}")
    for kind in ("memory", "sqlite", "postgresql"):
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
        for _ in range(STORE_ROUNDS):
            for name, checkout in checkouts.items():
                with fresh_store(kind, checkout) as url:
                    command = [sys.executable, __file__, "round", "--url", url]
                    done = subprocess.run(
                        command, env=environment(checkout), cwd=checkout, check=True, stdout=subprocess.PIPE
                    )
                rounds[name].append(json.loads(done.stdout.splitlines()[-1]))
        for name, results in rounds.items():
            rate, cpu = (statistics.median(result[key] for result in results) for key in ("rate", "cpu"))
            print(f"{kind:<12}{name:<12}{rate:>12,.0f}{cpu:>18.3f}")


async def round_of(app: Any, body: bytes) -> float:
    started = time.perf_counter()
    for number in range(REQUESTS):
        await post(app, body, number)
    return (time.perf_counter() - started) / REQUESTS


def unchecked(body: bytes, _: object) -> object:
    import msgspec

    return msgspec.json.decode(body)


async def compare_checks(byte_size: int) -> None:
    from adapters.event_json.strict_json import decode_strictly
    from adapters.http import webhooks
    from entrypoints.asgi import create_service_app
    from entrypoints.settings import Settings

    settings = Settings(store_url="memory://", sync_target="none", context_max_bytes=65_536)
    app = create_service_app(settings, with_loops=False)
    body = body_of(byte_size)
    seconds: dict[str, list[float]] = {"with": [], "without": []}
    decoders: dict[str, Callable[..., object]] = {"with": decode_strictly, "without": unchecked}
    async with app.lifespan():
        for _ in range(ROUNDS):
            for name, decode in decoders.items():
                with mock.patch.object(webhooks, "decode_strictly", decode):
                    seconds[name].append(await round_of(app, body))
    checked, plain = (statistics.median(seconds[name]) for name in ("with", "without"))
    print(
        f"{len(body):>6} B   without {plain * 1e6:7.1f} µs   with {checked * 1e6:7.1f} µs   "
        f"cost {100 * (checked / plain - 1):5.1f} %   {1 / checked:6.0f} webhooks/s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("stores", "checks", "round"), nargs="?", default="stores")
    parser.add_argument("--against", type=Path, help="another checkout to measure beside this one")
    parser.add_argument("--url", help="of the store of one round")
    given = parser.parse_args()
    if given.what == "round":
        print(json.dumps(asyncio.run(measure_store(given.url))))
    elif given.what == "checks":
        for byte_size in (500, 2000, 8000):
            asyncio.run(compare_checks(byte_size))
    else:
        other = {"other": given.against.resolve()} if given.against else {}
        sys.path.insert(0, str(ROOT))
        compare_stores(other | {"this": ROOT})


if __name__ == "__main__":
    main()
