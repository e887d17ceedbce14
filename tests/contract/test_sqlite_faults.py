"""A SQLite file that is locked, gone, damaged or on a full disk."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from adapters.sqlite import schema
from adapters.sqlite.store import SqliteSessionStore, migrate_file, open_sqlite_store
from adapters.storage.backend import StoreLimits
from application.errors import SessionUnreadable, StoreUnavailable
from domain.decisions.decision import Decision
from domain.ids import SessionId
from tests.contract.contract_of_processes import run_alone
from tests.contract.contract_of_trail import check_that_a_trail_of_fifty_is_erased_in_lots
from tests.contract.contract_of_unreadable import evicting
from tests.contract.steps import PATIENCE_SECONDS, ping_for_ever, take, until_answered, variables
from tests.factories import at, event, merge

LIMITS = StoreLimits(timeout_seconds=20)
IMPATIENT = StoreLimits(timeout_seconds=0.3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteSessionStore]:
    async with open_sqlite_store(path, LIMITS) as store:
        await take(store, event({"a": 1}))
        yield store


async def test_callers_who_wait_for_a_file_that_another_process_has_locked_are_told_together(
    path: Path,
) -> None:
    async with open_sqlite_store(path, IMPATIENT) as store:
        await until_answered(lambda: take(store, event({"a": 1})))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            async with asyncio.timeout(PATIENCE_SECONDS):  # 60 s, were they told one after the other
                answers = await asyncio.gather(
                    *(take(store, merge({f"v{n}": n}), seconds=1) for n in range(200)),
                    store.forget_audit(at(0), 1),
                    return_exceptions=True,
                )

            assert {type(answer) for answer in answers} == {StoreUnavailable}
            assert await until_answered(lambda: variables(store)) == {"a"}
            other.execute("ROLLBACK")

        await until_answered(lambda: take(store, merge({"b": 1}), seconds=1))
        assert {"a", "b"} <= await until_answered(lambda: variables(store))


async def test_a_file_that_stays_locked_is_told_by_a_ping(path: Path) -> None:
    async with open_sqlite_store(path, IMPATIENT) as store:
        await until_answered(lambda: take(store, event({"a": 1})))
        await until_answered(store.ping)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await until_answered(lambda: variables(store)) == {"a"}
            with pytest.raises(StoreUnavailable):
                await take(store, merge({"b": 2}), seconds=1)
            with pytest.raises(StoreUnavailable):
                await ping_for_ever(store)
            other.execute("ROLLBACK")

        await until_answered(lambda: take(store, merge({"b": 1}), seconds=1))
        await until_answered(store.ping)


async def test_a_file_that_was_moved_away_is_missed_and_found_again(
    store: SqliteSessionStore, path: Path
) -> None:
    path.rename(path.with_suffix(".away"))

    with pytest.raises(StoreUnavailable, match=r"No such file|unable to open"):
        await take(store, merge({"b": 2}), seconds=1)
    with pytest.raises(StoreUnavailable, match=r"No such file|unable to open"):
        await store.read(SessionId("s"), at(0))
    assert not path.exists()

    path.with_suffix(".away").rename(path)
    await take(store, merge({"b": 2}), seconds=1)
    assert await variables(store) == {"a", "b"}


async def test_another_database_in_its_place_is_used_from_then_on(
    store: SqliteSessionStore, path: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    migrate_file(other, 1)
    path.rename(path.with_suffix(".away"))
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    other.rename(path)

    assert await variables(store) == set()
    await take(store, event({"b": 2}))
    assert await variables(store) == {"b"}


DAMAGES = [
    "document = x'00'",
    "document = x''",
    "ledger = CAST('[]' AS BLOB)",
    "ledger = x'ff'",
    "ledger = CAST('{\"n\":1}' AS BLOB)",
    "ledger = CAST('{\"n\":2}' AS BLOB)",
    "ledger = substr(ledger, 1, length(ledger) - 1)",
    "ledger = CAST(x'03' || substr(ledger, 2) AS BLOB)",
    "document = CAST('{\"b\":1}' AS BLOB)",
    "expires_at = 9000000000000000000",
    "sync_lane = CAST(x'ff' AS TEXT)",
]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_record_fails_alone(store: SqliteSessionStore, path: Path, damage: str) -> None:
    await take(store, event({"a": 1}, session_id=SessionId("bad")))
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(f"UPDATE sessions SET {damage} WHERE session_id = 'bad'")  # noqa: S608

    bad, good = await asyncio.gather(
        *(take(store, merge({"b": 2}, session_id=SessionId(name)), seconds=1) for name in ("bad", "s")),
        return_exceptions=True,
    )

    assert isinstance(bad, StoreUnavailable)
    assert isinstance(good, Decision)
    assert await variables(store) == {"a", "b"}
    with pytest.raises(StoreUnavailable, match="bad"):
        await store.read(SessionId("bad"), at(0))


async def test_an_entry_of_a_newer_version_in_the_trail_is_an_unavailable_store(
    store: SqliteSessionStore, path: Path
) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE audit SET action = 'SESSION_OF_THE_FUTURE'")

    with pytest.raises(StoreUnavailable, match="SESSION_OF_THE_FUTURE"):
        await store.audit_trail(SessionId("s"), after=None, limit=10)


async def test_a_damaged_page_fails_only_those_who_need_it(path: Path) -> None:
    async with open_sqlite_store(path, LIMITS) as store:
        for number in range(200):
            await take(store, event({"a": "x" * 500}, session_id=SessionId(f"s{number:03}")))
    with closing(sqlite3.connect(path)) as other:
        (root,) = other.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sessions'").fetchone()
        (size,) = other.execute("PRAGMA page_size").fetchone()
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek((root - 1) * size + 12)
        leaf = int.from_bytes(os.pread(file.fileno(), 4, (root - 1) * size + int.from_bytes(file.read(2))))
        file.seek((leaf - 1) * size)
        file.write(b"\xff" * size)

    async with open_sqlite_store(path, LIMITS) as store:
        answers = await asyncio.gather(
            *(
                take(store, merge({"b": 2}, session_id=SessionId(f"s{n:03}")), seconds=1)
                for n in range(0, 200, 5)
            ),
            return_exceptions=True,
        )

    assert {type(answer) for answer in answers} == {StoreUnavailable, Decision}
    assert sum(isinstance(answer, StoreUnavailable) for answer in answers) < 10


async def test_a_full_disk_is_told_and_nothing_is_lost_or_half_written(path: Path) -> None:
    assert run_alone("full_disk", path) == "full\nunready\nagain\nwhole\n"


async def test_a_directory_that_cannot_be_written_is_told() -> None:
    with TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        assert run_alone("closed_directory", Path(directory) / "sessions.db") == "told\n"


@pytest.mark.parametrize("kind", ["directory", "text", "nowhere", "newer"])
async def test_what_is_no_database_of_ours_is_an_unavailable_store(path: Path, kind: str) -> None:
    match kind:
        case "directory":
            path.mkdir()
        case "text":
            path.write_text("no database at all, but long enough to have a header " * 20)
        case "nowhere":
            path = path / "deeper" / "sessions.db"
        case _:
            migrate_file(path, 1)
            with closing(sqlite3.connect(path)) as other:
                other.execute(f"PRAGMA user_version = {schema.NEWEST + 1}")

    with pytest.raises(StoreUnavailable):
        async with open_sqlite_store(path, LIMITS):
            pass


async def test_missing_tables_are_told_with_what_to_do(store: SqliteSessionStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE sessions")

    with pytest.raises(StoreUnavailable, match="run session-keeper migrate"):
        await take(store, merge({"b": 2}), seconds=1)


async def test_a_closed_store_says_so_at_once(path: Path) -> None:
    async with open_sqlite_store(path, StoreLimits(timeout_seconds=300)) as store:
        await take(store, event({"a": 1}))

    async with asyncio.timeout(PATIENCE_SECONDS):
        answers = await asyncio.gather(
            take(store, merge({"b": 1})),
            store.forget_audit(at(0), 1),
            variables(store),
            return_exceptions=True,
        )
    assert {type(answer) for answer in answers} == {StoreUnavailable}


@pytest.mark.skipif(sys.platform != "linux", reason="counts what the system holds open")
async def test_nothing_is_left_open(path: Path) -> None:
    async with open_sqlite_store(path, LIMITS) as store:
        await asyncio.gather(*(store.read(SessionId("s"), at(0)) for _ in range(10)))
        await take(store, event({"a": 1}))
        assert opened(path)

    assert opened(path) == []


def opened(path: Path) -> list[str]:
    links = Path("/proc/self/fd").iterdir()
    return [target for link in links if (target := os.path.realpath(link)).startswith(str(path))]


async def test_a_record_whose_texts_are_none_can_be_evicted(store: SqliteSessionStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE sessions SET persistence_id = CAST(x'70ff' AS TEXT)")
    with pytest.raises(SessionUnreadable):
        await store.read(SessionId("s"), at(0))

    gone = await store.update(SessionId("s"), evicting(100_000))

    assert gone.audit[0].persistence_id == "p\N{REPLACEMENT CHARACTER}"
    assert await store.expired(at(100_000), 10) == []


async def test_an_erasure_writes_as_much_for_a_long_trail_as_for_a_short_one(
    store: SqliteSessionStore,
) -> None:
    for number in range(49):
        await take(store, merge({f"v{number}": number}))

    await check_that_a_trail_of_fifty_is_erased_in_lots(store)
