"""Does taking work cost more when more sessions are stored?

Run it with `.venv/bin/python benchmarks/claim_cost.py [SESSIONS]` (1,000,000 unless told). It fills SQLite
and PostgreSQL (the server of the tests) with so many sessions, and beside them with 1,000, of which 100 are
due in each, and times the look for what is due with one claim. Rounds alternate; medians are compared.
"""

import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from msgspec import structs

from adapters.postgres import rows
from adapters.postgres.migrate import migrate_database
from adapters.postgres.store import open_postgres_store
from adapters.sqlite import statements as sqlite_statements
from adapters.sqlite.store import migrate_file, open_sqlite_store
from adapters.storage.backend import StoreLimits
from adapters.storage.record import SessionRecord
from application.ports.session_store import SessionStore
from domain.context.variables import ContextVariables
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Policies
from domain.decisions.sync import decide_claim, decide_released
from domain.ids import ClaimToken, PersistenceId, SessionId
from domain.instants import to_microseconds
from domain.session.event import SessionEvent
from domain.sync.state import SyncLane
from tests.servers.postgres import open_postgres_server

DUE = 100
FEW = 1000
ROUNDS = 200
NOW = datetime.now(UTC)
POLICIES = Policies()


def records(count: int) -> Iterator[SessionRecord]:
    context = {"customerId": "C-1007", "intent": "return-item", "cart": [{"item": "lamp"}] * 5}
    event = SessionEvent(
        session_id=SessionId("s"),
        event_type="message",
        persistence_id=PersistenceId("0" * 36),
        context=ContextVariables.from_json(context),
        ttl_seconds=86_400,
    )
    state = decide_event(None, event, POLICIES, NOW).state
    if state is None:
        raise AssertionError
    due = SessionRecord.of(state)
    told = SessionRecord.of(replace(state, sync=replace(state.sync, due_at=None)))
    for number in range(count):
        yield structs.replace(due if number < DUE else told, session_id=SessionId(f"session-{number:09}"))


def fill_sqlite(path: Path, count: int) -> None:
    migrate_file(path, 5.0)
    connection = sqlite3.connect(path)
    for row in records(count):
        values = [to_microseconds(v) if isinstance(v, datetime) else v for v in structs.astuple(row)]
        connection.execute(sqlite_statements.UPSERT, values)
    connection.commit()
    connection.execute("ANALYZE")
    connection.close()


async def fill_postgres(url: str, count: int) -> None:
    await migrate_database(url)
    connection = await asyncpg.connect(url)
    names = [name.strip() for name in sqlite_statements.COLUMNS.split(",")]

    def row(record: SessionRecord) -> tuple[Any, ...]:
        packed = structs.replace(
            record, document=rows.packed(record.document), ledger=rows.packed(record.ledger)
        )
        return (*structs.astuple(packed), rows.expires_bucket(record))

    await connection.copy_records_to_table(
        "sessions", records=(row(record) for record in records(count)), columns=[*names, "expires_bucket"]
    )
    await connection.execute("VACUUM ANALYZE sessions")
    await connection.close()


@asynccontextmanager
async def stores(count: int) -> AsyncIterator[dict[str, dict[int, SessionStore]]]:
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(open_postgres_server("embedded"))
        opened: dict[str, dict[int, SessionStore]] = {"sqlite": {}, "postgresql": {}}
        for size in (FEW, count):
            path = directory / f"{size}.db"
            fill_sqlite(path, size)
            opened["sqlite"][size] = await stack.enter_async_context(open_sqlite_store(path, StoreLimits()))
            url = server.create_database()
            await fill_postgres(url, size)
            opened["postgresql"][size] = await stack.enter_async_context(
                open_postgres_store(url, StoreLimits())
            )
        yield opened


async def claim_once(store: SessionStore, number: int) -> float:
    """Seconds for one look at what is due and one claim; the claim is given back untimed."""
    now, token = datetime.now(UTC), ClaimToken(f"token-{number}")
    started = time.perf_counter()
    session_id = (await store.due_for_sync(now, lane=SyncLane.LIVE, limit=8))[0]
    await store.update(
        session_id, lambda before: decide_claim(before, token=token, policy=POLICIES.sync, now=now)
    )
    seconds = time.perf_counter() - started
    later = now + timedelta(microseconds=1)
    await store.update(session_id, lambda before: decide_released(before, token=token, now=later))
    return seconds


async def main(count: int) -> None:
    print(f"filling with {FEW} and {count} sessions, {DUE} of them due …", flush=True)
    async with stores(count) as opened:
        for name, by_size in opened.items():
            seconds: dict[int, list[float]] = {size: [] for size in by_size}
            for number in range(ROUNDS):
                for size, store in by_size.items():
                    seconds[size].append(await claim_once(store, number))
            few, many = (statistics.median(seconds[size]) * 1e6 for size in (FEW, count))
            print(
                f"{name:<11}", *(f"{size:>8} stored {m:7.0f} µs  " for size, m in ((FEW, few), (count, many)))
            )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
