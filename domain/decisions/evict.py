"""Removing what has expired."""

from datetime import datetime

from domain.audit import AuditAction, AuditEntry
from domain.decisions.decision import Decision
from domain.decisions.unreadable import UnreadableSession
from domain.ids import SubjectId
from domain.session.state import SessionState, tombstone
from domain.stamps import BEFORE_ALL
from domain.sync.state import SyncStatus

TIME_IS_OVER = "its time to live was over"
UNDELIVERED = "undelivered"
"""A reason with this word says that Genesys never acknowledged the newest state, and never will."""


def undelivered_reason(state: SessionState) -> str | None:
    """Why Genesys does not hold the newest state of a session that goes; None: it does, or is not to."""
    if not state.has_context:
        return None
    if state.sync.status is SyncStatus.FAILED:
        code = "for good" if state.sync.failure is None else f"({state.sync.failure.code})"
        return f"{UNDELIVERED}: Genesys refused it {code}"
    if state.sync.status is not SyncStatus.PENDING:
        return None
    what = "Genesys was never told" if state.sync.last_synced is None else "not the newest state"
    return f"{UNDELIVERED}: {what}"


def is_undelivered(entry: AuditEntry) -> bool:
    """Whether this entry says that a session went before Genesys was told."""
    return entry.action is AuditAction.SESSION_EVICTED and UNDELIVERED in (entry.reason or "")


def eviction_entries(state: SessionState, now: datetime) -> tuple[AuditEntry, ...]:
    """What the trail says when an expired record goes; nothing for what was left of one."""
    if state.lifecycle.is_tombstone:
        return ()
    return (
        AuditEntry(
            action=AuditAction.SESSION_EVICTED,
            session_id=state.session_id,
            time=now,
            persistence_id=state.persistence_id,
            revision=state.revision,
            reason="; ".join(filter(None, (TIME_IS_OVER, undelivered_reason(state)))),
            subject_id=None if (subject := state.subject_id.value) is None else SubjectId(subject),
        ),
    )


def tombstone_of(state: SessionState, now: datetime) -> SessionState | None:
    """What stays of an expired record: its end or an erasure that is still to be remembered, or nothing.

    A session that has ended, or began anew after its erasure, may expire long before that time is over.
    """
    until, ends = state.lifecycle.erased_until, state.lifecycle.ends[-1:]
    erased = max((state.lifecycle.erased, *ends))
    if until is None or until <= now or erased == BEFORE_ALL:
        return None
    return tombstone(
        session_id=state.session_id,
        persistence_id=state.persistence_id,
        erased=erased,
        ends=ends,
        until=until,
        ttl_seconds=state.ttl_seconds.value,
        now=now,
    )


def decide_eviction_unread(before: UnreadableSession, now: datetime) -> Decision | None:
    """An expired record that cannot be read goes whole, with the tombstones in it; others stay."""
    if not before.expired(now):
        return None
    undelivered = f"{UNDELIVERED}: not the newest state" if before.undelivered else None
    reason = "; ".join(filter(None, (TIME_IS_OVER, undelivered, "its record could not be read")))
    entry = AuditEntry(
        action=AuditAction.SESSION_EVICTED,
        session_id=before.session_id,
        time=now,
        persistence_id=before.persistence_id,
        revision=before.revision,
        reason=reason,
        subject_id=before.subject_id,
    )
    return Decision(state=None, audit=(entry,))


def decide_eviction(before: SessionState | None, now: datetime) -> Decision:
    """What is left of it, if it has expired; otherwise all of it (it was renewed meanwhile)."""
    if before is None or not before.expired(now):
        return Decision(state=before)
    return Decision(state=tombstone_of(before, now), audit=eviction_entries(before, now))
