"""The audit trail: what was decided about a session, never a context value."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.identity import PersistenceId, SessionId


class AuditAction(StrEnum):
    """What happened."""

    SESSION_PERSISTED = "SESSION_PERSISTED"
    SESSION_UNCHANGED = "SESSION_UNCHANGED"
    SESSION_SUPERSEDED = "SESSION_SUPERSEDED"
    SESSION_ENDED = "SESSION_ENDED"
    SESSION_PERSISTENCE_FAILURE = "SESSION_PERSISTENCE_FAILURE"
    SESSION_SYNCED = "SESSION_SYNCED"
    SESSION_SYNC_FAILED = "SESSION_SYNC_FAILED"
    SESSION_SYNC_RETRIED = "SESSION_SYNC_RETRIED"
    SESSION_EVICTED = "SESSION_EVICTED"
    SESSION_ERASED = "SESSION_ERASED"


FAILURES = frozenset({AuditAction.SESSION_PERSISTENCE_FAILURE, AuditAction.SESSION_SYNC_FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the trail; `reason` names facts (codes, names, sizes), never a value."""

    action: AuditAction
    session_id: SessionId
    time: datetime
    persistence_id: PersistenceId | None = None
    revision: int | None = None
    reason: str | None = None

    @property
    def status(self) -> str:
        return "FAILED" if self.action in FAILURES else "SUCCESS"
