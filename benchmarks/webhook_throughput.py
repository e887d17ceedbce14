"""What the input checks cost: webhooks a second through the whole application, with and without them.

Run it with `.venv/bin/python benchmarks/webhook_throughput.py`. Both applications run in this process on
the memory store, without sockets; rounds alternate, and the medians are compared.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import msgspec

from adapters.http import webhooks
from entrypoints.asgi import create_service_app
from entrypoints.settings import Settings

ROUNDS = 21
REQUESTS = 200


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


async def post(app: Any, body: bytes, number: int) -> None:
    body = body.replace(b'"s"', b'"s%d"' % (number % 50), 1)
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


async def round_of(app: Any, body: bytes) -> float:
    started = time.perf_counter()
    for number in range(REQUESTS):
        await post(app, body, number)
    return (time.perf_counter() - started) / REQUESTS


def unchecked(body: bytes, _: object) -> object:
    return msgspec.json.decode(body)


async def compare(byte_size: int) -> None:
    settings = Settings(store_url="memory://", sync_target="none", context_max_bytes=65_536)
    app = create_service_app(settings, with_loops=False)
    body = body_of(byte_size)
    seconds: dict[str, list[float]] = {"with": [], "without": []}
    decoders: dict[str, Callable[..., object]] = {"with": webhooks.decode_strictly, "without": unchecked}
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
    for byte_size in (500, 2000, 8000):
        asyncio.run(compare(byte_size))


if __name__ == "__main__":
    main()
