"""The bodies of answers. Names on the wire are camelCase; times are RFC 3339 in UTC with milliseconds."""

from typing import Any, Final

import msgspec

from application.use_cases.persist_session import PersistedSession
from domain.audit import AuditAction, AuditEntry
from domain.decisions.decision import Outcome
from domain.instants import to_text
from domain.session.state import SessionState
from domain.sync.state import SyncStatus

_encoder: Final = msgspec.json.Encoder()


class EventAnswer(msgspec.Struct, rename="camel", omit_defaults=True):
    """What became of an event: flat, so that a Data Action can describe it in its output contract.

    `pruned` and `prunedCount` are there only when something was taken out of the context to make it fit:
    JSON Pointers to the first 32 of them (one over 512 bytes is cut, and ends in `…`), and how many it was.
    `contextIgnored` is there, and true, only when the event ended the session and its context was left out.
    `ignoredFields` and `hints` are there only when the event said what we do not know, or probably meant
    something else.
    """

    session_id: str
    outcome: Outcome
    revision: int
    persistence_id: str
    byte_size: int
    expires_at: str
    sync_status: SyncStatus
    pruned: list[str] = []
    pruned_count: int = 0
    context_ignored: bool = False
    ignored_fields: list[str] = []
    hints: list[str] = []

    @classmethod
    def of(cls, persisted: PersistedSession) -> "EventAnswer":
        state = persisted.state
        return cls(
            session_id=state.session_id,
            outcome=persisted.outcome,
            revision=state.revision,
            persistence_id=state.persistence_id,
            byte_size=state.byte_size,
            expires_at=to_text(state.expires_at),
            sync_status=state.sync.status,
            pruned=list(persisted.pruned.pointers),
            pruned_count=persisted.pruned.count,
            context_ignored=persisted.context_ignored,
        )


class PersistenceAnswer(msgspec.Struct, rename="camel"):
    """How a session is kept; `lastSynced` is null until Genesys acknowledged its first copy."""

    persistence_id: str
    revision: int
    byte_size: int
    created_at: str
    updated_at: str
    expires_at: str
    ttl_seconds: int
    status: str
    sync_status: SyncStatus
    last_synced: str | None


class SessionAnswer(msgspec.Struct, rename="camel"):
    """A session: its context exactly as it is stored, and how it is kept."""

    session_id: str
    context: msgspec.Raw
    persistence: PersistenceAnswer

    @classmethod
    def of(cls, state: SessionState) -> "SessionAnswer":
        return cls(
            session_id=state.session_id,
            context=msgspec.Raw(state.readable_document),
            persistence=PersistenceAnswer(
                persistence_id=state.persistence_id,
                revision=state.revision,
                byte_size=state.byte_size,
                created_at=to_text(state.created_at),
                updated_at=to_text(state.updated_at),
                expires_at=to_text(state.expires_at),
                ttl_seconds=state.ttl_seconds.value,
                status=state.status.value,
                sync_status=state.sync.status,
                last_synced=None if state.sync.last_synced is None else to_text(state.sync.last_synced),
            ),
        )


class AuditEntryAnswer(msgspec.Struct, rename="camel"):
    action: AuditAction
    session_id: str
    persistence_id: str | None
    revision: int | None
    time: str
    status: str
    reason: str | None

    @classmethod
    def of(cls, entry: AuditEntry) -> "AuditEntryAnswer":
        return cls(
            action=entry.action,
            session_id=entry.session_id,
            persistence_id=entry.persistence_id,
            revision=entry.revision,
            time=to_text(entry.time),
            status=entry.status,
            reason=entry.reason,
        )


class AuditAnswer(msgspec.Struct, rename="camel"):
    """One page.

    `next` is the `after` of the following page, a text to hand back as it is; null on the last one.
    """

    session_id: str
    entries: list[AuditEntryAnswer]
    next: str | None


class ViolationAnswer(msgspec.Struct):
    pointer: str
    code: str
    detail: str


class VariableAnswer(msgspec.Struct, rename="camel"):
    name: str
    byte_size: int


class ProblemAnswer(msgspec.Struct, rename="camel", omit_defaults=True):
    """RFC 9457. `violations` when the request was at fault; sizes when it was too large."""

    type: str
    title: str
    status: int
    detail: str
    violations: list[ViolationAnswer] = []
    byte_size: int | None = None
    limit: int | None = None
    largest: list[VariableAnswer] = []


class WebhookMetricsAnswer(msgspec.Struct, rename="camel"):
    total_attempts: int
    successful_retrievals: int
    failures: int
    average_latency_ms: float


class HealthAnswer(msgspec.Struct, rename="camel"):
    """`status` is `operational` or `degraded`; `auditLogCount` is null while the store does not answer."""

    status: str
    metrics: WebhookMetricsAnswer
    audit_log_count: int | None


class LiveAnswer(msgspec.Struct, rename="camel"):
    """`status` is `alive`."""

    status: str


class ReadinessAnswer(msgspec.Struct, rename="camel"):
    """`status` is `ready` or `unavailable`.

    `store`, `genesys` and `eviction` say what is wrong, null: nothing. `clockSkewMs` is how far the store's
    clock is ahead of ours; null when it has none of its own.
    """

    status: str
    store: str | None
    genesys: str | None
    eviction: str | None
    clock_skew_ms: float | None


def encoded(answer: Any) -> bytes:
    return _encoder.encode(answer)
