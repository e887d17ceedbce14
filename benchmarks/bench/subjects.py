"""What is compared: servers that take `POST /webhook/messaging`, started as users start them."""

import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PEERS: Final = ROOT / "benchmarks" / "peers"
FASTAPI_ENVIRONMENT: Final = ROOT / ".cache" / "bench" / "fastapi"


class Store(StrEnum):
    NONE = "none"
    MEMORY = "memory"
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class Kind(StrEnum):
    PEER = "peer"
    LIMIT = "limit"
    KEEPER = "keeper"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    name: str
    title: str
    kind: Kind
    store: Store
    takes_processes: bool
    """Whether it is also measured with two server processes."""

    def command(self, port: int, processes: int) -> list[str | Path]:
        if self.kind is Kind.KEEPER:
            serve: list[str | Path] = [
                Path(sys.executable).with_name("session-keeper"),
                "serve",
                "--port",
                str(port),
            ]
            return [*serve, "--workers", str(processes)] if processes > 1 else serve
        if self.kind is Kind.LIMIT:
            return [sys.executable, "-m", "benchmarks.peers.limits", self.name.removeprefix("litestar-")]
        if self.name == "fastapi-pg":
            options = ["--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
            workers = ["--workers", str(processes)] if processes > 1 else []
            app_directory: list[str | Path] = ["--app-dir", PEERS, "fastapi_pg:app"]
            return [FASTAPI_ENVIRONMENT / "bin" / "uvicorn", *app_directory, *options, *workers]
        return ["node", PEERS / f"{self.name.replace('-', '_')}.js"]

    def environment(self, port: int, processes: int, store_url: str) -> dict[str, str]:
        """What is set for it beyond what the bench itself was given; without credentials of Genesys Cloud."""
        if self.kind is Kind.KEEPER:
            return {"SESSION_KEEPER_STORE_URL": store_url, "SESSION_KEEPER_SYNC_TARGET": "none"}
        given = {"PORT": str(port), "PROCESSES": str(processes), "NODE_ENV": "production"}
        return given | ({"DATABASE_URL": store_url} if self.store is Store.POSTGRESQL else {})


def _subject(name: str, title: str, kind: Kind, store: Store, *, processes: bool = False) -> Subject:
    return Subject(name=name, title=title, kind=kind, store=store, takes_processes=processes)


SUBJECTS: Final = {
    subject.name: subject
    for subject in (
        _subject("express-memory", "Express, in-memory Map", Kind.PEER, Store.MEMORY, processes=True),
        _subject("express-pg", "Express + pg", Kind.PEER, Store.POSTGRESQL, processes=True),
        _subject("fastify-pg", "Fastify + pg", Kind.PEER, Store.POSTGRESQL, processes=True),
        _subject("fastapi-pg", "FastAPI + asyncpg", Kind.PEER, Store.POSTGRESQL, processes=True),
        _subject("litestar-typed", "Limit: typed Litestar route, keeps nothing", Kind.LIMIT, Store.NONE),
        _subject("litestar-asgi", "Limit: @asgi Litestar route, keeps nothing", Kind.LIMIT, Store.NONE),
        _subject(
            "litestar-gathered", "Limit: gathered, last write wins, no rules", Kind.LIMIT, Store.POSTGRESQL
        ),
        _subject("keeper-memory", "Session Keeper, memory", Kind.KEEPER, Store.MEMORY),
        _subject("keeper-sqlite", "Session Keeper, SQLite", Kind.KEEPER, Store.SQLITE, processes=True),
        _subject(
            "keeper-postgresql", "Session Keeper, PostgreSQL", Kind.KEEPER, Store.POSTGRESQL, processes=True
        ),
    )
}
