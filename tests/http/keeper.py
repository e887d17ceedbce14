"""The service in this process, on a store in memory and a clock that stands still, behind an HTTP client."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from litestar import Litestar

from adapters.http.app import create_app
from adapters.memory.store import MemorySessionStore
from application.errors import StoreUnavailable
from application.ports.genesys import CallPermit, GenesysAccess, GenesysGateway
from application.ports.runtime import Clock
from application.ports.session_store import SessionStore
from application.use_cases import UseCases
from domain.decisions.decision import Decide, Decision
from domain.ids import SessionId
from domain.sync.session_copy import SessionCopy
from domain.sync.state import SyncReceipt
from entrypoints.container import Container, Service, open_service
from entrypoints.policies import http_rules
from entrypoints.settings import Settings
from tests.fakes import FakeClock

WEBHOOK = "/webhook/messaging"


class FragileStore(MemorySessionStore):
    """A memory store that can be told not to answer, or to fail in a way that nobody foresaw."""

    def __init__(self) -> None:
        super().__init__()
        self.failure: Exception | None = None

    def break_down(self, reason: str = "no answer within 5 s") -> None:
        self.failure = StoreUnavailable(reason)

    async def update(self, session_id: SessionId, decide: Decide) -> Decision:
        self._fail()
        return await super().update(session_id, decide)

    async def read(self, *arguments: Any) -> Any:
        self._fail()
        return await super().read(*arguments)

    async def audit_trail(self, *arguments: Any, **options: Any) -> Any:
        self._fail()
        return await super().audit_trail(*arguments, **options)

    async def audit_count(self) -> int:
        self._fail()
        return await super().audit_count()

    async def backlog(self, *arguments: Any) -> Any:
        self._fail()
        return await super().backlog(*arguments)

    async def clock_skew(self, *arguments: Any) -> Any:
        self._fail()
        return await super().clock_skew(*arguments)

    async def ping(self) -> None:
        self._fail()
        await super().ping()

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


class DeafGateway(GenesysGateway):
    """No loop runs in these tests, so nobody calls it."""

    async def write_back(self, copy: SessionCopy, permit: CallPermit) -> SyncReceipt:
        raise NotImplementedError

    async def check_access(self) -> GenesysAccess:
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """A running service and those who call it."""

    app: Litestar
    http: httpx.AsyncClient
    store: FragileStore
    clock: FakeClock
    service: Service

    async def post(self, body: Any = None, /, **fields: Any) -> httpx.Response:
        """Posts an event of session `s`, or the body that is given."""
        event = {"sessionId": "s", "eventType": "message", **fields} if body is None else body
        return await self.http.post(WEBHOOK, json=event)

    async def post_raw(self, content: Any, /, **headers: str | bytes) -> httpx.Response:
        """Posts bytes; an underscore in the name of a header stands for a hyphen."""
        named = {b"content-type": b"application/json"}
        for name, value in headers.items():
            named[name.replace("_", "-").encode()] = value.encode() if isinstance(value, str) else value
        return await self.http.post(WEBHOOK, content=content, headers=named)

    async def send_raw(
        self,
        method: str,
        path: str,
        *messages: dict[str, Any],
        query: bytes = b"",
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> int:
        """Sends what no client library would send, and gives the status of the answer."""
        waiting = [*messages, {"type": "http.disconnect"}]
        sent: list[Any] = []
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query,
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }

        async def receive() -> Any:
            return waiting.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)  # type: ignore[arg-type]
        status: int = sent[0]["status"]
        return status

    async def context(self, session_id: str = "s") -> Any:
        return (await self.http.get(f"/sessions/{session_id}")).json()["context"]

    async def trail(self, session_id: str = "s") -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = (await self.http.get(f"/sessions/{session_id}/audit")).json()[
            "entries"
        ]
        return entries

    async def actions(self, session_id: str = "s") -> list[str]:
        return [entry["action"] for entry in await self.trail(session_id)]


@asynccontextmanager
async def _held_by_one_task(manager: AbstractAsyncContextManager[None]) -> AsyncIterator[None]:
    """Litestar's lifespan must be left by the task that entered it; a fixture is two tasks."""
    opened, closing = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with manager:
            opened.set()
            await closing.wait()

    holding, opening = asyncio.create_task(hold()), asyncio.create_task(opened.wait())
    await asyncio.wait({holding, opening}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if not holding.done():
            yield
    finally:
        opening.cancel()
        closing.set()
        await holding


def keeper_app(
    values: Settings, store: SessionStore, clock: Clock, on_open: Callable[[Service], None] | None = None
) -> Litestar:
    """The application without the loops; its parts are made anew whenever its lifespan begins."""

    @asynccontextmanager
    async def open_use_cases() -> AsyncIterator[UseCases]:
        container = Container(settings=values, session_store=store, clock=clock, gateway=DeafGateway())
        async with open_service(container) as service:
            if on_open is not None:
                on_open(service)
            yield service.use_cases

    return create_app(open_use_cases, http_rules(values))


@asynccontextmanager
async def running_keeper(**settings: Any) -> AsyncIterator[Keeper]:
    """A service with these settings; the sync loop does not run."""
    store, clock = FragileStore(), FakeClock()
    opened: list[Service] = []
    app = keeper_app(Settings(**{"store_url": "memory://", **settings}), store, clock, opened.append)
    asgi: Any = app  # what httpx and Litestar call an ASGI application are two types
    async with (
        _held_by_one_task(app.lifespan()),
        httpx.AsyncClient(transport=httpx.ASGITransport(asgi), base_url="http://keeper.test") as http,
    ):
        yield Keeper(app=app, http=http, store=store, clock=clock, service=opened[0])


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem in an answer, which has to be one (RFC 9457) and to say the same status twice."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert all(body[name] for name in ("type", "title", "detail"))
    return body


def pointers(answer: httpx.Response, status: int) -> dict[str, str]:
    """Where a refused event was wrong, each place with its code."""
    return {violation["pointer"]: violation["code"] for violation in problem(answer, status)["violations"]}
