"""Erasing a session: all that is left is a trace that keeps older events from bringing it back."""

from datetime import datetime, timedelta

from domain.audit import AuditAction, AuditEntry
from domain.decisions import Decision, Policies
from domain.identity import PersistenceId, SessionId
from domain.instants import to_microseconds
from domain.lifecycle import Lifecycle
from domain.session import SessionState
from domain.stamped_context import StampedContext
from domain.stamps import Register, Stamp

_AFTER_EVERY_TIE = "~"


def decide_erasure(
    before: SessionState | None,
    *,
    session_id: SessionId,
    persistence_id: PersistenceId,
    policies: Policies,
    now: datetime,
) -> Decision:
    """The trace of an erasure; the audit trail is forgotten but for the entry that says so."""
    erased = Stamp(to_microseconds(now), _AFTER_EVERY_TIE)
    if before is not None:
        erased = max(erased, before.lifecycle.newest)
    trace = SessionState(
        session_id=session_id,
        revision=0,
        persistence_id=persistence_id,
        created_at=now,
        updated_at=now,
        expires_at=now + timedelta(seconds=policies.ttl.erased_seconds),
        ttl_seconds=Register(policies.ttl.default_seconds),
        context=StampedContext(floor=erased),
        lifecycle=Lifecycle(erased=erased),
    )
    entry = AuditEntry(action=AuditAction.SESSION_ERASED, session_id=session_id, time=now)
    return Decision(state=trace, audit=(entry,), forgets_audit=True)
