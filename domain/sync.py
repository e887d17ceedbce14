"""What Genesys holds of a session, what it should hold, and when it is told.

A session whose copy at Genesys is no longer true is due. A worker claims it: the claim has a token and
a lease, and while the lease runs the session is not due for others. What finishes a sync must show the
token. A change that arrives meanwhile leaves the session due again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.identity import ClaimToken


class SyncStatus(StrEnum):
    """What a reader is told about the copy at Genesys."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    DISABLED = "disabled"


class SyncTarget(StrEnum):
    """Where persistence metadata is written to."""

    MESSAGING_SESSIONS = "messaging-sessions"
    PARTICIPANT_ATTRIBUTES = "participant-attributes"
    NONE = "none"


class SyncLane(StrEnum):
    """Live sessions are told before ended ones."""

    LIVE = "0-live"
    ENDED = "1-ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncFailure:
    """Why Genesys was not told: its `code` and `contextId`, and a reason without any context value."""

    code: str
    reason: str
    status: int | None = None
    context_id: str | None = None

    def __str__(self) -> str:
        facts = [self.code, self.reason]
        if self.status is not None:
            facts.append(f"HTTP {self.status}")
        if self.context_id is not None:
            facts.append(f"contextId {self.context_id}")
        return ", ".join(facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPolicy:
    """When a session is due.

    Attributes:
        target: where to; with `none` nothing is ever due.
        lease_seconds: how long a claim keeps others away.
        refresh_fraction: what is left of the time to live that Genesys was told, as a fraction of
            it, when a renewed expiry is worth a call although nothing else has changed.
        retry_seconds_min: the wait after the first failure that may pass.
        retry_seconds_max: the longest wait between two attempts.
    """

    target: SyncTarget = SyncTarget.MESSAGING_SESSIONS
    lease_seconds: float = 60.0
    refresh_fraction: float = 0.25
    retry_seconds_min: float = 1.0
    retry_seconds_max: float = 60.0

    @property
    def enabled(self) -> bool:
        return self.target is not SyncTarget.NONE

    def backoff_seconds(self, attempts: int) -> float:
        """Exponential in the attempts made so far; jitter is for the caller to add."""
        return min(self.retry_seconds_max, self.retry_seconds_min * 2.0 ** min(attempts - 1, 30))


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncState:
    """The sync side of a session.

    Attributes:
        due_at: when a worker may take it (the end of the lease while one runs); None: not due.
        attempts: how often it was claimed since it was last right.
        claim: the token of the running claim.
        told_fingerprint: of what Genesys acknowledged last; None: nothing, or nobody can tell.
        told_expires_at: the expiry that Genesys holds.
        participant: conversation and participant id found by asking Genesys, kept for the next time.
        failure: why the last attempt did not go through.
    """

    status: SyncStatus
    due_at: datetime | None = None
    attempts: int = 0
    claim: ClaimToken | None = None
    told_fingerprint: str | None = None
    told_expires_at: datetime | None = None
    last_synced: datetime | None = None
    participant: tuple[str, str] | None = None
    failure: SyncFailure | None = None

    def after_change(self, fingerprint: str, now: datetime) -> "SyncState":
        """After the session may have changed: due at once, unless Genesys was told just this."""
        if fingerprint == self.told_fingerprint and self.status is SyncStatus.COMPLETED:
            return self
        if self.status is SyncStatus.PENDING and self.due_at is not None:
            return self
        return replace(self, status=SyncStatus.PENDING, due_at=now, attempts=0, failure=None)

    def after_renewal(self, expires_at: datetime, ttl_seconds: int, fraction: float) -> "SyncState":
        """After the time to live was renewed: due when the expiry that Genesys holds comes near."""
        if self.status is not SyncStatus.COMPLETED or self.told_expires_at is None:
            return self
        if expires_at <= self.told_expires_at or self.due_at is not None:
            return self
        return replace(self, due_at=self.told_expires_at - timedelta(seconds=ttl_seconds * fraction))

    def claimed(self, token: ClaimToken, lease_until: datetime) -> "SyncState":
        return replace(self, claim=token, due_at=lease_until, attempts=self.attempts + 1)

    def told(self, receipt: "SyncReceipt", fingerprint: str, now: datetime) -> "SyncState":
        """After Genesys acknowledged; due again at once when the session changed meanwhile."""
        current = receipt.fingerprint == fingerprint
        return replace(
            self,
            status=SyncStatus.COMPLETED if current else SyncStatus.PENDING,
            due_at=None if current else now,
            attempts=0,
            claim=None,
            told_fingerprint=receipt.fingerprint,
            told_expires_at=receipt.expires_at,
            last_synced=receipt.synced_at,
            participant=receipt.participant or self.participant,
            failure=None,
        )

    def postponed(self, until: datetime, failure: SyncFailure | None) -> "SyncState":
        """After an attempt that may be made again."""
        return replace(self, status=SyncStatus.PENDING, due_at=until, claim=None, failure=failure)

    def released(self, now: datetime) -> "SyncState":
        """After a claim that was given back without a call."""
        return replace(self, due_at=now, claim=None, attempts=max(0, self.attempts - 1))

    def refused(self, failure: SyncFailure, *, changed: bool, now: datetime) -> "SyncState":
        """After Genesys refused; due again only when the session changed meanwhile."""
        return replace(
            self,
            status=SyncStatus.PENDING if changed else SyncStatus.FAILED,
            due_at=now if changed else None,
            claim=None,
            participant=None,
            failure=failure,
        )

    def doubted(self, now: datetime) -> "SyncState":
        """After a call whose lease had run out: it may have put an older copy over a newer one.

        Whoever holds the claim now loses it too, since its copy may be the one that was covered.
        """
        return replace(
            self, status=SyncStatus.PENDING, due_at=now, claim=None, told_fingerprint=None, attempts=0
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReceipt:
    """What Genesys acknowledged: which copy, with which expiry, when, and for whom."""

    fingerprint: str
    expires_at: datetime
    synced_at: datetime
    participant: tuple[str, str] | None = None
