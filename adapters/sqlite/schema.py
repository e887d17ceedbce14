"""The tables, and how an older file is brought to them. `PRAGMA user_version` counts the steps taken."""

import sqlite3

STEPS = (
    """
    CREATE TABLE sessions (
        session_id TEXT NOT NULL UNIQUE,
        revision INTEGER NOT NULL,
        persistence_id TEXT NOT NULL,
        document BLOB NOT NULL,
        ledger BLOB NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        subject_id TEXT,
        sync_due_at INTEGER,
        sync_lane TEXT NOT NULL,
        sync_failure TEXT
    ) STRICT;
    CREATE INDEX sessions_expiring ON sessions (expires_at);
    CREATE INDEX sessions_due ON sessions (sync_lane, sync_due_at) WHERE sync_due_at IS NOT NULL;
    CREATE INDEX sessions_failed ON sessions (sync_failure) WHERE sync_failure IS NOT NULL;
    CREATE INDEX sessions_of_subject ON sessions (subject_id) WHERE subject_id IS NOT NULL;
    CREATE TABLE audit (
        place INTEGER PRIMARY KEY AUTOINCREMENT,
        session_id TEXT NOT NULL,
        action TEXT NOT NULL,
        time INTEGER NOT NULL,
        persistence_id TEXT,
        revision INTEGER,
        reason TEXT
    ) STRICT;
    CREATE INDEX audit_of_session ON audit (session_id, place);
    CREATE INDEX audit_by_time ON audit (time);
    CREATE TABLE audit_size (entries INTEGER NOT NULL) STRICT;
    INSERT INTO audit_size VALUES (0);
    CREATE TRIGGER audit_grows AFTER INSERT ON audit BEGIN UPDATE audit_size SET entries = entries + 1; END;
    CREATE TRIGGER audit_shrinks AFTER DELETE ON audit BEGIN UPDATE audit_size SET entries = entries - 1; END;
    """,
    # The ledgers that are there are JSON of the first version, which has the moment in this place.
    """
    ALTER TABLE sessions ADD COLUMN sync_waiting_since INTEGER;
    UPDATE sessions SET sync_waiting_since = CAST(json_extract(CAST(ledger AS TEXT), '$.sync[9]') AS INTEGER)
        WHERE sync_due_at IS NOT NULL AND json_valid(CAST(ledger AS TEXT));
    CREATE INDEX sessions_waiting ON sessions (sync_waiting_since) WHERE sync_waiting_since IS NOT NULL;
    """,
    """
    ALTER TABLE audit ADD COLUMN subject_id TEXT;
    CREATE INDEX audit_of_subject ON audit (subject_id) WHERE subject_id IS NOT NULL;
    """,
    """
    ALTER TABLE sessions ADD COLUMN trail_after INTEGER;
    CREATE INDEX sessions_erased ON sessions (trail_after) WHERE trail_after IS NOT NULL;
    """,
)
NEWEST = len(STEPS)


class SchemaTooNew(Exception):
    """The file was written by a newer version of this service."""


def version(connection: sqlite3.Connection) -> int:
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return int(number)


def touch(connection: sqlite3.Connection) -> None:
    """A write that changes nothing."""
    connection.execute(f"PRAGMA user_version = {version(connection)}")


def migrate(connection: sqlite3.Connection) -> int:
    """Takes the missing steps in one transaction each; gives their number. Two processes may call it at once.

    Raises:
        SchemaTooNew: the file has steps that this version does not know.
    """
    taken = 0
    while True:
        connection.execute("BEGIN IMMEDIATE")
        try:
            number = version(connection)
            if number > NEWEST:
                raise SchemaTooNew(f"schema version {number}, this version knows {NEWEST}")
            if number == NEWEST:
                return taken
            for statement in _statements(STEPS[number]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")
            connection.execute("COMMIT")
            taken += 1
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _statements(script: str) -> list[str]:
    statements, rest = [], ""
    for piece in script.split(";"):
        rest += piece + ";"
        if sqlite3.complete_statement(rest):
            statements.append(rest)
            rest = ""
    return statements
