"""What is left to know of a record that cannot be read: its columns."""

from adapters.storage.record import RecordUnreadable, SessionRecord
from domain.decisions.unreadable import UnreadableSession
from domain.ids import PersistenceId, SessionId, SubjectId
from domain.session.state import SessionState


def unreadable(record: SessionRecord, why: str) -> UnreadableSession:
    """The session of a record whose document and ledger say nothing."""
    return UnreadableSession(
        session_id=SessionId(record.session_id),
        revision=record.revision,
        persistence_id=PersistenceId(record.persistence_id),
        expires_at=record.expires_at,
        subject_id=None if record.subject_id is None else SubjectId(record.subject_id),
        undelivered=record.sync_waiting_since is not None or record.sync_failure is not None,
        why=why,
    )


def state_or_columns(record: SessionRecord) -> SessionState | UnreadableSession:
    """The state that was written, or what the columns say when it cannot be read."""
    try:
        return record.state()
    except RecordUnreadable as error:
        return unreadable(record, str(error))
