"""The stores that subjects are given: an empty one for each visit, and what a plain commit costs on them."""

import asyncio
import os
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import asyncpg

from benchmarks.bench.bodies import template_of
from benchmarks.bench.subjects import PEERS, ROOT, Kind, Store, Subject
from tests.servers.postgres import PostgresServer, open_postgres_server

COMMITS: Final = 300
CREATE: Final = "CREATE TABLE plain (id integer PRIMARY KEY, context text NOT NULL)"


class Stores:
    """One PostgreSQL for the whole run, as packaged: it syncs every commit to disk before it answers."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._templates: dict[Kind, str] = {}

    @property
    def database_pid(self) -> int:
        return self._server.pid

    @contextmanager
    def fresh(self, subject: Subject) -> Iterator[str]:
        """The URL of an empty store with its tables; nothing is left to be written from the visit before."""
        self._server.execute("CHECKPOINT")
        if subject.store is Store.SQLITE:
            with TemporaryDirectory() as directory:
                yield f"sqlite:///{directory}/sessions.db"
        elif subject.store is Store.POSTGRESQL:
            name = f"visit_{time.monotonic_ns()}"
            template = self._template(subject.kind)
            self._server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
            try:
                yield self._server.dsn(name)
            finally:
                self._server.drop_database(name)
        else:
            yield "memory://"

    def commit_ms(self, store: Store) -> float:
        if store is Store.SQLITE:
            with TemporaryDirectory() as directory:
                return sqlite_commit_ms(Path(directory) / "plain.db")
        url = self._server.create_database(f"plain_{time.monotonic_ns()}")
        try:
            return asyncio.run(_postgres_commit_ms(url))
        finally:
            self._server.drop_database(url)

    def _template(self, kind: Kind) -> str:
        if kind not in self._templates:
            name = f"template_{kind}"
            url = self._server.create_database(name)
            if kind is Kind.KEEPER:
                command: list[str | Path] = [Path(sys.executable).with_name("session-keeper"), "migrate"]
                given = os.environ | {"SESSION_KEEPER_STORE_URL": url}
                subprocess.run(command, env=given, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            else:
                self._server.execute((PEERS / "schema.sql").read_text(), name)
            self._templates[kind] = name
        return self._templates[kind]


@contextmanager
def open_stores() -> Iterator[Stores]:
    with open_postgres_server("embedded") as server:
        yield Stores(server)


def sqlite_commit_ms(path: Path) -> float:
    """The median time of one INSERT and its commit, with the same durability as our store's."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(CREATE)
    context, took = template_of(0, 2_000), []
    for number in range(COMMITS):
        started = time.perf_counter()
        connection.execute("INSERT INTO plain VALUES (?, ?)", (number, context))
        took.append(time.perf_counter() - started)
    connection.close()
    return 1_000 * statistics.median(took)


async def _postgres_commit_ms(url: str) -> float:
    connection = await asyncpg.connect(url, ssl=False)
    await connection.execute(CREATE)
    insert = await connection.prepare("INSERT INTO plain VALUES ($1, $2)")
    context, took = template_of(0, 2_000), []
    for number in range(COMMITS):
        started = time.perf_counter()
        await insert.fetch(number, context)
        took.append(time.perf_counter() - started)
    await connection.close()
    return 1_000 * statistics.median(took)
