"""Erasing a session: only a tombstone stays, so that older events cannot bring it back."""

from datetime import datetime, timedelta

from domain.audit import AuditAction, AuditEntry
from domain.decisions.decision import Decision, Policies
from domain.ids import PersistenceId, SessionId
from domain.instants import to_microseconds
from domain.session.state import SessionState, tombstone
from domain.stamps import Stamp

_AFTER_EVERY_TIE = "~"


def decide_erasure(
    before: SessionState | None,
    *,
    session_id: SessionId,
    persistence_id: PersistenceId,
    policies: Policies,
    now: datetime,
) -> Decision:
    """The tombstone of an erased session; its audit trail is deleted but for the entry about the erasure."""
    erased = Stamp(to_microseconds(now), _AFTER_EVERY_TIE)
    until = now + timedelta(seconds=policies.ttl.erased_seconds)
    if before is not None:
        erased = max(erased, before.lifecycle.newest)
        until = max(until, before.lifecycle.erased_until or until)
    state = tombstone(
        session_id=session_id,
        persistence_id=persistence_id,
        erased=erased,
        until=until,
        ttl_seconds=policies.ttl.default_seconds,
        now=now,
    )
    entry = AuditEntry(action=AuditAction.SESSION_ERASED, session_id=session_id, time=now)
    return Decision(state=state, audit=(entry,), forgets_audit=True)
