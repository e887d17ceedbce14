"""Audit entries of decisions: each names the session with its revision and persistence id."""

from datetime import datetime

from domain.audit import AuditAction, AuditEntry
from domain.decisions.unreadable import UnreadableSession
from domain.errors import EventRefused
from domain.ids import SessionId, SubjectId
from domain.session.state import SessionState


def entry_about(
    session: SessionState | UnreadableSession,
    action: AuditAction,
    now: datetime,
    reason: str | None = None,
    *,
    subject_id: SubjectId | None = None,
) -> AuditEntry:
    """The entry about an action on this session, which is the session after the action if that changes it.

    Args:
        subject_id: only where the entry is about the removal of the record.
    """
    return AuditEntry(
        action=action,
        session_id=session.session_id,
        time=now,
        persistence_id=session.persistence_id,
        revision=session.revision,
        reason=reason,
        subject_id=subject_id,
    )


def refusal_entry(
    before: SessionState | None, session_id: SessionId, refusal: EventRefused, now: datetime
) -> AuditEntry:
    """The entry about a refused event; the session need not exist."""
    action = AuditAction.SESSION_PERSISTENCE_FAILURE
    if before is None:
        return AuditEntry(action=action, session_id=session_id, time=now, reason=refusal.reason)
    return entry_about(before, action, now, refusal.reason)
