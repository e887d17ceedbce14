"""Does it matter how much is stored?

    .venv/bin/python benchmarks/scale.py [--sessions 1000000] [--entries 10000000] [--rounds 200]

It fills PostgreSQL (the server of the tests) twice: with 10,000 sessions and entries of the audit trail, and
with so many. The rows are made on the server from one record that the service wrote; their sessions can be
read and written as any other. Then it asks both everything that the service asks a store, turn about, and
compares the medians. About 1.5 GB of disk for a million sessions, 3 GB for ten million entries; all is
removed at the end.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

import asyncpg

from adapters.postgres import rows
from adapters.postgres.migrate import migrate_database
from adapters.postgres.store import open_postgres_store
from adapters.storage.backend import StoreLimits
from adapters.storage.record import SessionRecord
from application.ports.session_store import SessionStore
from domain.context.variables import ContextVariables
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Policies
from domain.decisions.sync import decide_claim, decide_released
from domain.ids import ClaimToken, PersistenceId, SessionId, SubjectId
from domain.session.event import SessionEvent
from domain.sync.state import SyncLane
from tests.servers.postgres import open_postgres_server

FEW = 10_000
AT_ONCE = 64
DUE = 1_000
EXPIRED = 1_000
FAILED = 100
NOW = datetime.now(UTC)
POLICIES = Policies()

# The first DUE sessions wait for a sync, the next EXPIRED have expired, the next FAILED have been refused by
# Genesys; the others are just there.
FILL_SESSIONS = f"""
INSERT INTO sessions (
    session_id, revision, persistence_id, document, ledger, created_at, updated_at, expires_at,
    expires_bucket, subject_id, sync_due_at, sync_lane, sync_failure, sync_waiting_since
) SELECT
    'session-' || lpad(n::text, 9, '0'), $1, $2, $3, $4, $5, $6,
    CASE WHEN n BETWEEN {DUE} AND {DUE + EXPIRED - 1} THEN $6::timestamptz - interval '1 hour'
        ELSE $7::timestamptz END,
    CASE WHEN n BETWEEN {DUE} AND {DUE + EXPIRED - 1} THEN $8::bigint - 400 ELSE $8::bigint END,
    'subject-' || n / 4, CASE WHEN n < {DUE} THEN $9::timestamptz END, $10,
    CASE WHEN n BETWEEN {DUE + EXPIRED} AND {DUE + EXPIRED + FAILED - 1} THEN 'bad.request' END,
    CASE WHEN n < {DUE} THEN $11::timestamptz END
FROM generate_series($12::bigint, $13::bigint - 1) AS n
"""  # noqa: S608 - numbers of ours
FILL_AUDIT = """
INSERT INTO audit (session_id, action, time, persistence_id, revision)
SELECT 'session-' || lpad((n % $1::bigint)::text, 9, '0'), 'SESSION_PERSISTED',
    $2::timestamptz + n * interval '1 millisecond', $3, 1
FROM generate_series($4::bigint, $5::bigint - 1) AS n
"""
LOT = 250_000


def event(number: int, changed: int) -> SessionEvent:
    context = {"customerId": "C-1007", "intent": "return-item", "changed": changed}
    context["cart"] = [{"item": f"lamp {n}", "price": 19.99, "notes": ["fragile", "gift"]} for n in range(28)]
    return SessionEvent(
        session_id=SessionId(f"session-{number:09}"),
        event_type="message",
        persistence_id=PersistenceId(f"{changed:036}"),
        context=ContextVariables.from_json(context),
        ttl_seconds=86_400,
    )


def record() -> SessionRecord:
    state = decide_event(None, event(0, 0), POLICIES, NOW).state
    if state is None:
        raise AssertionError
    return SessionRecord.of(state)


async def fill(url: str, sessions: int, entries: int) -> None:
    await migrate_database(url)
    connection = await asyncpg.connect(url)
    one = record()
    values = (
        one.revision, one.persistence_id, rows.packed(one.document), rows.packed(one.ledger), one.created_at,
        one.updated_at, one.expires_at, rows.expires_bucket(one), one.sync_due_at, one.sync_lane,
        one.sync_waiting_since,
    )  # fmt: skip
    for first in range(0, sessions, LOT):
        await connection.execute(FILL_SESSIONS, *values, first, min(first + LOT, sessions))
    since = NOW - timedelta(days=1)
    for first in range(0, entries, LOT):
        last = min(first + LOT, entries)
        await connection.execute(FILL_AUDIT, sessions, since, one.persistence_id, first, last)
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    await connection.close()


@dataclass(frozen=True, slots=True)
class Filled:
    store: SessionStore
    sessions: int
    chance: Random
    numbers: "count[int]"

    def some(self) -> int:
        """A session that is neither due nor expired, and has not failed."""
        return self.chance.randrange(DUE + EXPIRED + FAILED, self.sessions)


async def persist(to: Filled, number: int) -> None:
    what = event(number, next(to.numbers))
    now = datetime.now(UTC)
    await to.store.update(what.session_id, lambda before: decide_event(before, what, POLICIES, now))


async def persist_one(to: Filled) -> None:
    await persist(to, to.some())


async def persist_many(to: Filled) -> None:
    await asyncio.gather(*(persist(to, to.some()) for _ in range(AT_ONCE)))


async def read(to: Filled) -> None:
    found = await to.store.read(SessionId(f"session-{to.some():09}"), NOW)
    if found is None:
        raise AssertionError("a session is missing")


async def trail(to: Filled) -> None:
    await to.store.audit_trail(SessionId(f"session-{to.some():09}"), after=None, limit=50)


async def claim(to: Filled) -> None:
    """The look for what is due, one claim, and its return."""
    now, token = datetime.now(UTC), ClaimToken(f"token-{next(to.numbers)}")
    session_id = (await to.store.due_for_sync(now, lane=SyncLane.LIVE, limit=8))[0]
    await to.store.update(
        session_id, lambda before: decide_claim(before, token=token, policy=POLICIES.sync, now=now)
    )
    later = now + timedelta(microseconds=1)
    await to.store.update(session_id, lambda before: decide_released(before, token=token, now=later))


async def expired(to: Filled) -> None:
    if len(await to.store.expired(NOW, 64)) != 64:  # noqa: PLR2004
        raise AssertionError("nothing has expired")


async def of_subject(to: Filled) -> None:
    await to.store.of_subject(SubjectId(f"subject-{to.some() // 4}"), after=None, limit=50)


async def scrape(to: Filled) -> None:
    """What the metrics ask."""
    await to.store.backlog(datetime.now(UTC))
    await to.store.audit_count()


async def failed_by_code(to: Filled) -> None:
    await to.store.failed_by_code(NOW)


async def failed_syncs(to: Filled) -> None:
    await to.store.failed_syncs(NOW, code=None, after=None, limit=50)


QUESTIONS: dict[str, Callable[[Filled], Awaitable[None]]] = {
    "persist, one": persist_one,
    f"persist, {AT_ONCE} at once": persist_many,
    "read": read,
    "audit trail": trail,
    "claim": claim,
    "expired": expired,
    "of a subject": of_subject,
    "metrics scrape": scrape,
    "failed by code": failed_by_code,
    "failed syncs": failed_syncs,
}


@asynccontextmanager
async def opened(sizes: dict[int, int]) -> AsyncIterator[list[Filled]]:
    """A store for each number of sessions, with so many entries."""
    with open_postgres_server("embedded", settings={"max_wal_size": "4GB"}) as server:
        filled = []
        for sessions, entries in sizes.items():
            started = time.perf_counter()
            url = server.create_database()
            await fill(url, sessions, entries)
            seconds = time.perf_counter() - started
            print(f"filled {sessions:,} sessions and {entries:,} entries in {seconds:.0f} s", flush=True)
            filled.append((url, sessions))
        (few_url, few), (many_url, many) = filled
        limits = StoreLimits()
        async with (
            open_postgres_store(few_url, limits) as small,
            open_postgres_store(many_url, limits) as big,
        ):
            yield [
                Filled(small, few, Random(1), count(1)),
                Filled(big, many, Random(1), count(1)),
            ]


async def main(sessions: int, entries: int, rounds: int) -> None:
    async with opened({FEW: FEW, sessions: entries}) as filled:
        print(f"{'medians, µs':<22}{FEW:>12,}{sessions:>12,}{'ratio':>8}")
        for name, ask in QUESTIONS.items():
            seconds: list[list[float]] = [[], []]
            for number in range(rounds + rounds // 4):
                for to, taken in zip(filled, seconds, strict=True):
                    started = time.perf_counter()
                    await ask(to)
                    if number >= rounds // 4:  # the first ones fill caches
                        taken.append(time.perf_counter() - started)
            few, many = (statistics.median(taken) * 1e6 for taken in seconds)
            print(f"{name:<22}{few:>12,.0f}{many:>12,.0f}{many / few:>8.2f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=200)
    given = parser.parse_args()
    asyncio.run(main(given.sessions, given.entries, given.rounds))
