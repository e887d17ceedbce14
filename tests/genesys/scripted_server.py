"""A server on loopback that answers as a test tells it to, also in ways that no HTTP library would."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.genesys.emulator_server import _listening_socket


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    @property
    def credentials(self) -> str:
        return base64.b64decode(self.headers["authorization"].removeprefix("Basic ")).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`drip_seconds`: a pause after every byte of the body; `body` that is no bytes is sent as JSON."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    drip_seconds: float = 0.0

    @property
    def payload(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Close:
    """The connection is closed without an answer."""


class Hang:
    """No answer for as long as the client is there."""


@dataclass(frozen=True, slots=True)
class Endless:
    """After the start the piece again and again, for as long as the client takes it."""

    start: bytes
    piece: bytes


Reaction = Answer | Close | Hang | Endless | bytes
"""Bytes are sent as they are."""


@dataclass
class ScriptedServer:
    """`script` is used up call by call; then everything is answered with 200 and `{}`."""

    port: int
    script: list[Reaction] = field(default_factory=list)
    logins: list[Reaction] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    logged_in: list[Asked] = field(default_factory=list)
    react: Callable[[Asked], Reaction] | None = None
    login_seconds: float = 0.0
    expires_in: float = 86_400

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def reaction(self, asked: Asked) -> Reaction:
        if asked.path == "/oauth/token":
            self.logged_in.append(asked)
            await asyncio.sleep(self.login_seconds)
            if self.logins:
                return self.logins.pop(0)
            token = f"secret-token-{len(self.logged_in)}"
            return Answer(body={"access_token": token, "token_type": "bearer", "expires_in": self.expires_in})
        self.asked.append(asked)
        if self.react is not None:
            return self.react(asked)
        return self.script.pop(0) if self.script else Answer()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        match await self.reaction(Asked(method, path, headers, body)):
            case Close():
                return False
            case Hang():
                return not await reader.read(1)
            case Endless(start, piece):
                writer.write(start)
                while True:
                    writer.write(piece)
                    await writer.drain()
            case bytes(raw):
                writer.write(raw)
                return False
            case Answer() as answer:
                await _send(writer, answer)
        return True


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    headers = {"Content-Length": str(len(answer.payload)), **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} x", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    if not answer.drip_seconds:
        writer.write(answer.payload)
    else:
        for byte in answer.payload:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(answer.drip_seconds)
    await writer.drain()


@contextlib.asynccontextmanager
async def scripted_server() -> AsyncIterator[ScriptedServer]:
    with _listening_socket() as listener:
        server = ScriptedServer(listener.getsockname()[1])
        connections: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is not None:
                connections.add(task)
            with contextlib.suppress(asyncio.CancelledError):
                await server.serve(reader, writer)
            writer.transport.abort()

        running = await asyncio.start_server(serve, sock=listener)
        try:
            yield server
        finally:
            running.close()
            for task in connections:
                task.cancel()
            await asyncio.gather(*connections, return_exceptions=True)
            await asyncio.sleep(0)
