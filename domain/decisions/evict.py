"""Evicting sessions that have expired, and keeping the tombstones that must outlive them."""

from datetime import datetime

from domain.audit import AuditAction, AuditEntry
from domain.decisions.decision import Decision
from domain.decisions.entries import entry_about
from domain.decisions.unreadable import UnreadableSession
from domain.ids import SubjectId
from domain.session.state import SessionState, tombstone
from domain.stamps import BEFORE_ALL
from domain.sync.state import SyncStatus

TIME_IS_OVER = "its time to live was over"
UNDELIVERED = "undelivered"
"""In the reason of an eviction: Genesys has not acknowledged the newest state, and never will."""


def undelivered_reason(state: SessionState) -> str | None:
    """Why the newest state of an evicted session is not delivered; None: it is, or there is no sync."""
    if not state.has_context:
        return None
    if state.sync.status is SyncStatus.FAILED:
        code = "for good" if state.sync.failure is None else f"({state.sync.failure.code})"
        return f"{UNDELIVERED}: Genesys refused it {code}"
    if state.sync.status is not SyncStatus.PENDING:
        return None
    what = "never delivered to Genesys" if state.sync.last_synced is None else "not the newest state"
    return f"{UNDELIVERED}: {what}"


def is_undelivered(entry: AuditEntry) -> bool:
    """Whether this entry is about a session that was evicted before its newest state was delivered."""
    return entry.action is AuditAction.SESSION_EVICTED and UNDELIVERED in (entry.reason or "")


def eviction_entries(state: SessionState, now: datetime) -> tuple[AuditEntry, ...]:
    """The audit entries of an eviction; none for a tombstone, whose session was evicted or erased before."""
    if state.lifecycle.is_tombstone:
        return ()
    reason = "; ".join(filter(None, (TIME_IS_OVER, undelivered_reason(state))))
    subject_id = None if (subject := state.subject_id.value) is None else SubjectId(subject)
    return (entry_about(state, AuditAction.SESSION_EVICTED, now, reason, subject_id=subject_id),)


def tombstone_of(state: SessionState, now: datetime) -> SessionState | None:
    """The tombstone that stays of an expired record: of its end or an erasure; None when neither is left.

    A session that has ended, or was recreated after its erasure, may expire long before `erased_until`.
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
    """Evicts an expired record that cannot be read, with the tombstones in it; None: it has not expired."""
    if not before.expired(now):
        return None
    undelivered = f"{UNDELIVERED}: not the newest state" if before.undelivered else None
    reason = "; ".join(filter(None, (TIME_IS_OVER, undelivered, "its record could not be read")))
    entry = entry_about(before, AuditAction.SESSION_EVICTED, now, reason, subject_id=before.subject_id)
    return Decision(state=None, audit=(entry,))


def decide_eviction(before: SessionState | None, now: datetime) -> Decision:
    """Evicts a session if it has expired; otherwise it stays as it is, for it was renewed meanwhile."""
    if before is None or not before.expired(now):
        return Decision(state=before)
    return Decision(state=tombstone_of(before, now), audit=eviction_entries(before, now))
