"""Removing what has expired."""

from datetime import datetime

from domain.audit import AuditAction, AuditEntry
from domain.decisions import Decision
from domain.lifecycle import SessionStatus
from domain.session import SessionState, trace_of_erasure


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


def left_of(state: SessionState, now: datetime) -> SessionState | None:
    """What stays of an expired record: the trace of an erasure that is still to be remembered, or nothing.

    A session that began anew after its erasure may expire long before that time is over.
    """
    until = state.lifecycle.erased_until
    if until is None or until <= now:
        return None
    return trace_of_erasure(
        session_id=state.session_id,
        persistence_id=state.persistence_id,
        erased=state.lifecycle.erased,
        until=until,
        ttl_seconds=state.ttl_seconds.value,
        now=now,
    )


def decide_eviction(before: SessionState | None, now: datetime) -> Decision:
    """Nothing is left but an erasure, if it has expired; otherwise all is (it was renewed meanwhile)."""
    if before is None or not before.expired(now):
        return Decision(state=before)
    return Decision(state=left_of(before, now), audit=eviction_entries(before, now))
