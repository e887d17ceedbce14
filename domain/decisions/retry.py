"""Retrying a sync that failed for good, at an operator's request."""

from dataclasses import replace
from datetime import datetime

from domain.audit import AuditAction
from domain.decisions.decision import Decision
from domain.decisions.entries import entry_about
from domain.session.state import SessionState
from domain.sync.state import SyncStatus


def decide_retry(before: SessionState | None, now: datetime) -> Decision:
    """Due again at once, if its sync has failed and it has not expired; otherwise it stays as it is."""
    if before is None or before.expired(now) or before.sync.status is not SyncStatus.FAILED:
        return Decision(state=before)
    reason = None if before.sync.failure is None else f"had failed with {before.sync.failure}"
    entry = entry_about(before, AuditAction.SESSION_SYNC_RETRIED, now, reason)
    sync = replace(before.sync, status=SyncStatus.PENDING, due_at=now, attempts=0)
    return Decision(state=replace(before, sync=sync), audit=(entry,))
