"""Sessions and audit entries as rows.

Document and ledger carry one byte before them that says how they are packed: rows under about 4 KB are
updated in place, larger ones are moved to a side table that grows with every update. What fits as it is stays
as it is: to pack and unpack 2 KB takes 35 of some 100 microseconds that a write costs this process, and saves
the server less than 10.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from adapters.storage.decision_batch import SessionWrite
from adapters.storage.record import RecordUnreadable, SessionRecord
from adapters.storage.unreadable import unreadable
from domain.audit import AuditAction, AuditEntry
from domain.decisions.unreadable import UnreadableSession
from domain.ids import PersistenceId, SessionId, SubjectId
from domain.instants import to_microseconds
from domain.session.state import SessionState

PLAIN, DEFLATED = b"\x00", b"\x01"
DEFLATED_FROM_BYTES = 2560
"""Two documents of this size, their ledgers, and room for a new version of one of them are a page."""
UNPACKED_BYTES_MAX = 64 * 1024 * 1024
BUCKET_MICROSECONDS = 300 * 1_000_000


def packed(plain: bytes) -> bytes:
    if len(plain) >= DEFLATED_FROM_BYTES:
        deflated = zlib.compress(plain, 1)
        if len(deflated) < len(plain):
            return DEFLATED + deflated
    return PLAIN + plain


def unpacked(stored: bytes) -> bytes:
    """Raises ValueError or zlib.error when the bytes are damaged."""
    kind, body = stored[:1], stored[1:]
    if kind == PLAIN:
        return body
    if kind != DEFLATED:
        raise ValueError("an unknown way of packing")
    inflater = zlib.decompressobj()
    plain = inflater.decompress(body, UNPACKED_BYTES_MAX)
    if not inflater.eof:
        raise ValueError("packed bytes are cut short, or far too many")
    return plain


def expires_bucket(record: SessionRecord) -> int:
    """The end of the five minutes in which it expires, counted from 1970."""
    return -(-to_microseconds(record.expires_at) // BUCKET_MICROSECONDS)


def state_of(row: asyncpg.Record) -> SessionState:
    """Raises RecordUnreadable."""
    return record_of(row).state()


def record_or_columns(row: asyncpg.Record) -> SessionRecord | UnreadableSession:
    """What the columns say when document and ledger cannot be unpacked."""
    try:
        return record_of(row)
    except RecordUnreadable as error:
        return unreadable(_record(row, b"", b""), str(error))


def record_of(row: asyncpg.Record) -> SessionRecord:
    """Raises RecordUnreadable."""
    try:
        document, ledger = unpacked(row["document"]), unpacked(row["ledger"])
    except (ValueError, zlib.error) as error:
        raise RecordUnreadable(f"the record of session {row['session_id']} is damaged") from error
    return _record(row, document, ledger)


def _record(row: asyncpg.Record, document: bytes, ledger: bytes) -> SessionRecord:
    return SessionRecord(
        session_id=row["session_id"],
        revision=row["revision"],
        persistence_id=row["persistence_id"],
        document=document,
        ledger=ledger,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        expires_at=row["expires_at"],
        subject_id=row["subject_id"],
        sync_due_at=row["sync_due_at"],
        sync_lane=row["sync_lane"],
        sync_failure=row["sync_failure"],
        sync_waiting_since=row["sync_waiting_since"],
    )


def session_columns(writes: Sequence[SessionWrite], versions: Mapping[SessionId, int]) -> list[list[Any]]:
    """The first seventeen parameters of `statements.WRITE`: one array per column."""
    rows = [_session_row(write, versions.get(write.session_id)) for write in writes]
    return [list(column) for column in zip(*rows, strict=True)]


def _session_row(write: SessionWrite, version: int | None) -> tuple[Any, ...]:
    record = write.record
    if record is None:
        kind = "delete" if write.state_changed else "note"
        return (write.session_id, kind, version, write.forgets_audit, *(None,) * 13)
    return (
        record.session_id,
        "put",
        version,
        write.forgets_audit,
        record.revision,
        record.persistence_id,
        packed(record.document),
        packed(record.ledger),
        record.created_at,
        record.updated_at,
        record.expires_at,
        expires_bucket(record),
        record.subject_id,
        record.sync_due_at,
        record.sync_lane,
        record.sync_failure,
        record.sync_waiting_since,
    )


def audit_columns(writes: Sequence[SessionWrite]) -> list[list[Any]]:
    """The last seven parameters of `statements.WRITE`."""
    entries = [entry for write in writes for entry in write.audit]
    return [
        [entry.session_id for entry in entries],
        [entry.action.value for entry in entries],
        [entry.time for entry in entries],
        [entry.persistence_id for entry in entries],
        [entry.revision for entry in entries],
        [entry.reason for entry in entries],
        [entry.subject_id for entry in entries],
    ]


def audit_entry(row: asyncpg.Record) -> AuditEntry:
    return AuditEntry(
        action=AuditAction(row["action"]),
        session_id=SessionId(row["session_id"]),
        time=row["time"],
        persistence_id=None if row["persistence_id"] is None else PersistenceId(row["persistence_id"]),
        revision=row["revision"],
        reason=row["reason"],
        subject_id=None if row["subject_id"] is None else SubjectId(row["subject_id"]),
    )
