"""What our own framework and server allow: routes that keep nothing, and one that keeps without any rule.

PORT=… [DATABASE_URL=…] .venv/bin/python -m benchmarks.peers.limits typed | asgi | gathered
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
from litestar import Litestar, Request, asgi, post
from litestar.types import Receive, Scope, Send

from adapters.asgi_server.limits import ServerLimits
from adapters.asgi_server.server import run_server

PATH = "/webhook/messaging"
BODY_BYTES_MAX = 131_072
ANSWER = b'{"sessionId":"s","outcome":"persisted"}'
PERSIST_MANY = """
WITH audited AS (
  INSERT INTO audit (session_id, event_type, byte_size, at)
  SELECT event.session_id, event.event_type, octet_length(event.context), now()
  FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[])
    AS event (session_id, event_type, persistence_id, context)
)
INSERT INTO sessions (session_id, persistence_id, context, byte_size, updated_at, expires_at)
SELECT DISTINCT ON (session_id) session_id, persistence_id, context::jsonb, octet_length(context), now(),
  now() + interval '1 hour'
FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[]) WITH ORDINALITY
  AS event (session_id, event_type, persistence_id, context, place)
ORDER BY session_id, place DESC
ON CONFLICT (session_id) DO UPDATE SET
  persistence_id = excluded.persistence_id, context = excluded.context, byte_size = excluded.byte_size,
  updated_at = excluded.updated_at, expires_at = excluded.expires_at
"""


class Event(msgspec.Struct, rename="camel"):
    session_id: str
    event_type: str
    context: msgspec.Raw


class Answer(msgspec.Struct, rename="camel"):
    session_id: str
    outcome: str


@post(PATH, status_code=200)
async def typed(request: Request[Any, Any, Any]) -> Answer:
    """Reads the body, and answers: what Litestar's typed handlers cost."""
    await request.body()
    return Answer("s", "persisted")


@asgi(PATH, copy_scope=False)
async def bare(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - Litestar's signature
    """The same below Litestar's handlers."""
    more = True
    while more:
        message: Any = await receive()
        more = message.get("more_body", False)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER, "more_body": False})


class Gathering:
    """Events that arrive while a statement is under way are written together by the next one."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._waiting: list[tuple[Event, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()

    async def persist(self, event: Event) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, done))
        self._wake.set()
        await done

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._waiting = self._waiting, []
            rows = [(e.session_id, e.event_type, uuid4(), bytes(e.context).decode()) for e, _ in batch]
            await self._connection.execute(PERSIST_MANY, *map(list, zip(*rows, strict=True)))
            for _, done in batch:
                done.set_result(None)


@post(PATH, status_code=200)
async def gathered(request: Request[Any, Any, Any]) -> Answer:
    """Last write wins: no order, no merge, no limits; one statement for all that wait."""
    event = msgspec.json.decode(await request.body(), type=Event)
    await request.app.state.gathering.persist(event)
    return Answer(event.session_id, "persisted")


@asynccontextmanager
async def with_database(app: Litestar) -> AsyncIterator[None]:
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    app.state.gathering = Gathering(connection)
    task = asyncio.create_task(app.state.gathering.run())
    yield
    task.cancel()
    await connection.close()


def main() -> int:
    handler = {"typed": typed, "asgi": bare, "gathered": gathered}[sys.argv[1]]
    lifespan = [with_database] if handler is gathered else []
    app = Litestar([handler], lifespan=lifespan, openapi_config=None, logging_config=None)
    limits = ServerLimits(body_bytes_max=BODY_BYTES_MAX)
    return run_server(app, host="127.0.0.1", port=int(os.environ["PORT"]), limits=limits)


if __name__ == "__main__":
    sys.exit(main())
