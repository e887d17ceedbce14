"""Removing what has expired."""

from datetime import datetime

from domain.audit import AuditAction, AuditEntry
from domain.decisions import Decision
from domain.lifecycle import SessionStatus
from domain.session import SessionState


def eviction_entries(state: SessionState, now: datetime) -> tuple[AuditEntry, ...]:
    """What the trail says when an expired record goes; nothing for the trace of an erasure."""
    if state.status is SessionStatus.ERASED:
        return ()
    return (
        AuditEntry(
            action=AuditAction.SESSION_EVICTED,
            session_id=state.session_id,
            time=now,
            persistence_id=state.persistence_id,
            revision=state.revision,
            reason="its time to live was over",
        ),
    )


def decide_eviction(before: SessionState | None, now: datetime) -> Decision:
    """No record any more, if it has expired; otherwise it is left as it is (it was renewed meanwhile)."""
    if before is None or not before.expired(now):
        return Decision(state=before)
    return Decision(state=None, audit=eviction_entries(before, now))
