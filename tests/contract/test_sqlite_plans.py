"""What SQLite does with many rows: every question is answered by its index, none by looking through all."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from msgspec import structs

from adapters.sqlite import statements
from adapters.sqlite.connection import LOG_PAGES, DatabaseFile
from adapters.sqlite.store import migrate_file
from adapters.storage.decision_batch import decide_in_order
from adapters.storage.record import SessionRecord
from application.ports.session_store import BACKLOG_COUNT_MAX, SyncBacklog
from domain.ids import SessionId
from domain.instants import to_microseconds
from domain.sync.state import SyncLane
from tests.contract.steps import deciding
from tests.factories import START, at, event

ROWS = 20_000
FILL = f"""
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {ROWS})
INSERT INTO sessions SELECT
    's' || n, 1, 'p' || n, x'7b7d', x'7b7d', :now, :now, :now + n * 60000000, 'subject-' || n,
    :now + n * 1000000, CASE WHEN n % 10 = 0 THEN '{SyncLane.ENDED}' ELSE '{SyncLane.LIVE}' END,
    CASE WHEN n % 500 = 0 THEN 'failed' END, :now + n * 1000000, NULL
FROM numbers
"""  # noqa: S608 - numbers of ours
FILL_AUDIT = f"""
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {ROWS})
INSERT INTO audit (session_id, action, time, subject_id)
SELECT 's' || n / 4, 'x', :now + n * 1000000, CASE WHEN n % 4 = 0 THEN 'subject-' || n END FROM numbers
"""  # noqa: S608 - numbers of ours
SESSION_INDEXES = (
    "sessions_expiring",
    "sessions_due",
    "sessions_failed",
    "sessions_of_subject",
    "sessions_waiting",
)
NOW = to_microseconds(at(20))
Q = statements
STATEMENTS: dict[str, tuple[str, Sequence[str | int] | Mapping[str, str | int], set[str]]] = {
    "read": (Q.READ, ("s7",), {"sqlite_autoindex_sessions_1"}),
    "read of many": (Q.with_rows(Q.READ_MANY, 3), ("s7", "s8", "none"), {"sqlite_autoindex_sessions_1"}),
    "trail": (
        Q.TRAIL,
        {"session_id": "s7", "after": 0, "limit": 50},
        {"audit_of_session", "sqlite_autoindex_sessions_1"},
    ),
    "due": (Q.DUE, (SyncLane.LIVE, NOW, NOW, 100), {"sessions_due"}),
    "expired": (Q.EXPIRED, (NOW, 1, 0, 500), {"sessions_expiring"}),
    "expired of a part": (Q.EXPIRED, (NOW, 16, 3, 64), {"sessions_expiring"}),
    "of subject": (
        Q.OF_SUBJECT,
        {"subject_id": "subject-7", "after": "", "limit": 200},
        {"sessions_of_subject", "audit_of_subject", "sqlite_autoindex_sessions_1"},
    ),
    "backlog": (Q.BACKLOG, (NOW,), {"sessions_waiting"}),
    "failed": (Q.FAILED, (), {"sessions_failed"}),
    "forget audit": (Q.FORGET_AUDIT, (NOW, 500), {"audit_by_time"}),
    "erased": (Q.ERASED, (500,), {"sessions_erased"}),
    "forget hidden": (Q.FORGET_HIDDEN, ("s7", 9, 500), {"audit_of_session"}),
    "hide trail": (Q.HIDE_TRAIL, ("s7",), {"sqlite_autoindex_sessions_1"}),
    "forget with record": (
        Q.FORGET_WITH_RECORD,
        {"session_id": "s7"},
        {"audit_of_session", "sqlite_autoindex_sessions_1"},
    ),
    "forget trail": (Q.FORGET_TRAIL, ("s7",), {"audit_of_session"}),
}


@pytest.fixture(scope="module", params=["never analyzed", "analyzed"])
def connection(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[sqlite3.Connection]:
    path = Path(tmp_path_factory.mktemp("plans")) / "sessions.db"
    migrate_file(path, 1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(FILL, {"now": to_microseconds(START)})
        connection.execute(FILL_AUDIT, {"now": to_microseconds(START)})
        if request.param == "analyzed":
            connection.execute("ANALYZE")
        yield connection


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_question_is_answered_by_its_index(connection: sqlite3.Connection, name: str) -> None:
    statement, arguments, wanted = STATEMENTS[name]

    steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", arguments)]

    used = {step.partition(" INDEX ")[2].split(" ")[0] for step in steps if " INDEX " in step}
    assert used == wanted
    whole = [step for step in steps if step.startswith("SCAN ") and " INDEX " not in step]
    assert [step for step in whole if "subquery" not in step and "sqlite_sequence" not in step] == []
    if name != "of subject":  # those of one subject are few
        assert [step for step in steps if "TEMP B-TREE" in step] == []


def test_the_backlog_looks_at_so_many_sessions_however_many_wait(connection: sqlite3.Connection) -> None:
    backlog = statements.backlog(connection, at(20))

    assert backlog == SyncBacklog(due=BACKLOG_COUNT_MAX, oldest_waiting_since=at(1), failed=ROWS // 500)


def test_a_batch_is_read_and_written_with_a_statement_for_each_lot_and_not_for_each_row(
    tmp_path: Path,
) -> None:
    migrate_file(tmp_path / "sessions.db", 1)
    ids = [SessionId(f"s{number}") for number in range(2 * statements.LOT + 1)]
    writes = [decide_in_order(one, None, [deciding(event({"a": 1}, session_id=one))])[0] for one in ids]
    said: list[str] = []
    with closing(sqlite3.connect(tmp_path / "sessions.db")) as connection, connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.set_trace_callback(said.append)
        statements.write(connection, writes, {})
        found = statements.records(connection, ids)
        connection.set_trace_callback(None)

        entries = statements.audit_count(connection)

    assert {record.session_id for record in found} == {*ids}
    assert sorted(found, key=ids_of) == sorted((one.record for one in writes if one.record), key=ids_of)
    assert entries == len(ids)
    assert len({*said}) == 3 * 3  # a trigger repeats the statement that it belongs to


def test_the_log_beside_the_file_is_copied_seldom_and_stays_bounded(tmp_path: Path) -> None:
    file = DatabaseFile(tmp_path / "sessions.db", busy_seconds=1, create=True)
    connection = file.connection()
    connection.execute("CREATE TABLE bulk (bytes BLOB)")
    (page_size,) = connection.execute("PRAGMA page_size").fetchone()
    one = 200 * page_size
    for _ in range(3 * LOG_PAGES // 200):
        connection.execute("DELETE FROM bulk")
        connection.execute("INSERT INTO bulk VALUES (zeroblob(?))", (one,))

    size = (tmp_path / "sessions.db-wal").stat().st_size
    file.close()

    assert LOG_PAGES * page_size < size < (LOG_PAGES + 300) * (page_size + 24)


def altered(record: SessionRecord, names: Collection[str]) -> SessionRecord:
    others = {
        "subject_id": "somebody else",
        "sync_due_at": at(77),
        "sync_lane": SyncLane.ENDED.value,
        "sync_failure": "refused",
        "sync_waiting_since": at(78),
    }
    return structs.replace(record, revision=2, expires_at=at(99), **{name: others[name] for name in names})


@pytest.mark.parametrize(
    ("names", "indexes"),
    [
        ((), {"sessions_expiring"}),
        (("sync_due_at",), {"sessions_expiring", "sessions_due", "sessions_waiting"}),
        (("sync_waiting_since",), {"sessions_expiring", "sessions_due", "sessions_waiting"}),
        (("sync_lane",), {"sessions_expiring", "sessions_due", "sessions_waiting"}),
        (("subject_id",), {*SESSION_INDEXES}),
        (("sync_failure",), {*SESSION_INDEXES}),
        (
            ("subject_id", "sync_failure", "sync_due_at", "sync_lane", "sync_waiting_since"),
            {*SESSION_INDEXES},
        ),
    ],
)
def test_an_update_writes_whatever_changed_and_no_index_of_what_did_not(
    tmp_path: Path, names: Sequence[str], indexes: set[str]
) -> None:
    migrate_file(tmp_path / "sessions.db", 1)
    one = SessionId("s")
    first, _ = decide_in_order(one, None, [deciding(event({"a": 1}, session_id=one))])
    if first.record is None:
        raise AssertionError
    second = replace(first, record=altered(first.record, names), audit=())
    said: list[str] = []
    with closing(sqlite3.connect(tmp_path / "sessions.db", isolation_level=None)) as connection:
        statements.write(connection, [first], {})
        connection.set_trace_callback(said.append)

        statements.write(connection, [second], {one: first.record})

        connection.set_trace_callback(None)
        assert statements.record(connection, one) == second.record
        (upsert,) = said
        assert indexes_written(connection, upsert) == indexes


def test_a_batch_of_unlike_updates_stores_each_as_it_was_decided(tmp_path: Path) -> None:
    migrate_file(tmp_path / "sessions.db", 1)
    names = ("subject_id", "sync_due_at", "sync_lane", "sync_failure", "sync_waiting_since")
    changes = [some for count in range(len(names) + 1) for some in combinations(names, count)]
    writes = {}
    for number in range(len(changes)):
        one = SessionId(f"s{number}")
        writes[one], _ = decide_in_order(one, None, [deciding(event({"a": 1}, session_id=one))])
    before = {one: write.record for one, write in writes.items() if write.record}
    after = {one: altered(record, some) for (one, record), some in zip(before.items(), changes, strict=True)}
    with closing(sqlite3.connect(tmp_path / "sessions.db", isolation_level=None)) as connection:
        statements.write(connection, [*writes.values()], {})

        statements.write(connection, [replace(writes[one], record=after[one]) for one in after], before)

        assert {found.session_id: found for found in statements.records(connection, [*after])} == after
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def indexes_written(connection: sqlite3.Connection, statement: str) -> set[str]:
    """From which indexes it takes the entries that stood there."""
    connection.text_factory = lambda text: text.decode(errors="replace")  # blobs in an operand are no text
    steps = connection.execute(f"EXPLAIN {statement}").fetchall()
    pages = {step[2]: step[3] for step in steps if step[1] == "OpenWrite"}
    names = dict(connection.execute("SELECT rootpage, name FROM sqlite_master WHERE type = 'index'"))
    return {names[pages[step[2]]] for step in steps if step[1] == "IdxDelete"}


def ids_of(record: SessionRecord) -> str:
    return record.session_id
