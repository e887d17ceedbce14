"""The audit trail: what was decided about a session, never a context value."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.excerpts import shortened
from domain.ids import PersistenceId, SessionId, SubjectId


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


REASON_BYTES_MAX = 2048
"""In UTF-8."""

FAILURES = frozenset({AuditAction.SESSION_PERSISTENCE_FAILURE, AuditAction.SESSION_SYNC_FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One entry of a session's audit trail.

    Attributes:
        reason: names facts (codes, names, sizes), never a value. One longer than REASON_BYTES_MAX is cut:
            the trail stays much smaller than the events that it is about.
        subject_id: whose the session was; set only where the entry is about the removal of its record.
            The record holds it until then. An erasure of the subject finds the trail by it. Never shown.
    """

    action: AuditAction
    session_id: SessionId
    time: datetime
    persistence_id: PersistenceId | None = None
    revision: int | None = None
    reason: str | None = None
    subject_id: SubjectId | None = None

    def __post_init__(self) -> None:
        if self.reason is not None:
            object.__setattr__(self, "reason", shortened(self.reason, REASON_BYTES_MAX))

    @property
    def status(self) -> str:
        return "FAILED" if self.action in FAILURES else "SUCCESS"
