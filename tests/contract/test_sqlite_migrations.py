"""The schema of SQLite, step by step, with what older versions left in the file."""

import sqlite3
from contextlib import closing
from pathlib import Path

from adapters.sqlite import schema, statements
from adapters.sqlite.store import migrate_file
from application.ports.session_store import SyncBacklog
from domain.instants import to_microseconds
from tests.factories import at

LEDGER = (
    b'{"n":1,"v":[],"t":[],"f":0,"h":0,"a":0,"e":[],"x":0,"u":null,"ttl":[3600,0],"cid":[null,0],'
    b'"pid":[null,0],"sub":[null,0],"sync":["pending",%d,1,"t",null,null,null,null,null,%d,null,null],'
    b'"s":[[0,""]]}'
)


def of_version(path: Path, number: int) -> sqlite3.Connection:
    """A file as that version of the schema had it."""
    connection = sqlite3.connect(path)
    for step in schema.STEPS[:number]:
        connection.executescript(step)
    connection.execute(f"PRAGMA user_version = {number}")
    return connection


def add_session_0_1(connection: sqlite3.Connection, name: str, ledger: bytes, due_at: int | None) -> None:
    moment, expires_at = to_microseconds(at(0)), to_microseconds(at(3600))
    values = (name, 1, "p", b"{}", ledger, moment, moment, expires_at, None, due_at, "0-live", None)
    connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def test_a_file_of_0_1_knows_how_long_its_sessions_have_waited(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    lease_ends = to_microseconds(at(90))
    with closing(of_version(path, 1)) as old, old:
        add_session_0_1(old, "leased", LEDGER % (lease_ends, to_microseconds(at(1))), lease_ends)
        add_session_0_1(old, "damaged", b"\xff{", lease_ends)
        add_session_0_1(old, "delivered", LEDGER % (0, 0), None)

    assert migrate_file(path, 1) == schema.NEWEST - 1

    with closing(sqlite3.connect(path)) as connection:
        backlog = statements.backlog(connection, at(60))
    assert backlog == SyncBacklog(due=1, oldest_waiting_since=at(1), failed=0)


def test_the_version_before_can_go_on_writing(tmp_path: Path) -> None:
    """It names its columns, so that it leaves the new ones alone."""
    path = tmp_path / "sessions.db"
    migrate_file(path, 1)
    columns = (
        "session_id, revision, persistence_id, document, ledger, created_at, updated_at, expires_at, "
        "subject_id, sync_due_at, sync_lane, sync_failure"
    )

    with closing(sqlite3.connect(path)) as old, old:
        old.execute(
            f"INSERT INTO sessions ({columns}) VALUES ({', '.join('?' * 12)})",  # noqa: S608 - names of ours
            ("s", 1, "p", b"{}", LEDGER % (0, 0), 0, 0, 0, None, None, "0-live", None),
        )
        old.execute("INSERT INTO audit (session_id, action, time) VALUES ('s', 'SESSION_PERSISTED', 0)")

        assert old.execute("SELECT count(*) FROM sessions").fetchone() == (1,)
