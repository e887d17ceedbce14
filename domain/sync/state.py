"""What Genesys holds of a session, what it should hold, and when it is told.

A session whose copy at Genesys is no longer true is due. A worker claims it: the claim has a token and
a lease, and while the lease runs the session is not due for others. What finishes a sync must show the
token. A change that arrives meanwhile leaves the session due again.

Genesys has no revisions: what arrives last there stands. A call whose outcome or order nobody knows is
kept in mind until it can do no more harm, and what was told meanwhile is told once more after that.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.backoff import backoff_seconds
from domain.ids import ClaimToken

RENEWAL_LEAD_SECONDS = 60.0
"""A renewed expiry is told at least so early, as far as half of the time to live allows: one rate window."""


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
    """The order in which calls are spent: changes of live sessions, of ended ones, then mere refreshes."""

    LIVE = "0-live"
    ENDED = "1-ended"
    REFRESH = "2-refresh"


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
            it, when a renewed expiry is worth a call although nothing else has changed; 0: never.
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

    def backoff_seconds(self, attempts: int, seconds_max: float | None = None) -> float:
        """After so many attempts, to the smaller bound; jitter is for the caller to add."""
        bound = self.retry_seconds_max if seconds_max is None else min(self.retry_seconds_max, seconds_max)
        return backoff_seconds(attempts, seconds_min=self.retry_seconds_min, seconds_max=bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallInDoubt:
    """A call of which nobody knows whether, or before which other call, it took effect at Genesys.

    Attributes:
        fingerprint: of the copy that it carried; empty when there were several.
        since: when it was given up.
        until: from then on it has taken effect, if it ever does.
    """

    fingerprint: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncState:
    """The sync side of a session.

    Attributes:
        due_at: when a worker may take it (the end of the lease while one runs); None: not due.
        waiting_since: when the copy at Genesys ceased to be true; None: it is true but for its expiry.
        attempts: how often it was claimed since it was last right.
        claim: the token of the running claim.
        delivered_fingerprint: of what Genesys acknowledged last; None: nothing, or nobody can tell.
        delivered_expires_at: the expiry that Genesys holds.
        participant: conversation and participant id found by asking Genesys, kept for the next time.
        failure: why the last attempt did not go through.
        refused_fingerprint: of what Genesys refused last; it is not sent again.
        in_doubt: the call that may still put another copy over the one that was told.
    """

    status: SyncStatus
    due_at: datetime | None = None
    waiting_since: datetime | None = None
    attempts: int = 0
    claim: ClaimToken | None = None
    delivered_fingerprint: str | None = None
    delivered_expires_at: datetime | None = None
    last_synced: datetime | None = None
    participant: tuple[str, str] | None = None
    failure: SyncFailure | None = None
    refused_fingerprint: str | None = None
    in_doubt: CallInDoubt | None = None

    @property
    def is_in_doubt(self) -> bool:
        """Whether a call may still put another copy over the one that was told."""
        return self.in_doubt is not None and self.in_doubt.fingerprint != self.delivered_fingerprint

    @property
    def refresh_only(self) -> bool:
        """Whether the copy at Genesys is true but for its expiry; what is due then is no more than that."""
        return self.status is SyncStatus.COMPLETED and not self.is_in_doubt

    def after_change(self, fingerprint: str, now: datetime) -> "SyncState":
        """After the session may have changed: due at once, unless Genesys was told or refused just this.

        It keeps its place in the queue, and its claim if one is running.
        """
        if self.status is SyncStatus.COMPLETED and fingerprint == self.delivered_fingerprint:
            return self
        if self.status is SyncStatus.FAILED and fingerprint == self.refused_fingerprint:
            return self
        if self.status is SyncStatus.PENDING and self.due_at is not None:
            return self
        if self.claim is not None and self.due_at is not None:
            return replace(self, status=SyncStatus.PENDING, waiting_since=now)
        due_at = now if self.due_at is None else min(self.due_at, now)
        return replace(
            self, status=SyncStatus.PENDING, due_at=due_at, waiting_since=now, attempts=0, failure=None
        )

    def after_renewal(self, expires_at: datetime, ttl_seconds: int, fraction: float) -> "SyncState":
        """After the time to live was renewed: due when the expiry that Genesys holds comes near.

        Args:
            fraction: `SyncPolicy.refresh_fraction`.
        """
        if self.status is not SyncStatus.COMPLETED or self.delivered_expires_at is None or not fraction:
            return self
        if expires_at <= self.delivered_expires_at or self.due_at is not None:
            return self
        lead_seconds = max(ttl_seconds * fraction, min(RENEWAL_LEAD_SECONDS, ttl_seconds / 2))
        due_at = self.delivered_expires_at - timedelta(seconds=lead_seconds)
        return replace(self, due_at=due_at if self.last_synced is None else max(due_at, self.last_synced))

    def claimed(self, token: ClaimToken, lease_until: datetime, now: datetime) -> "SyncState":
        """While a worker makes the call.

        A copy in doubt is pending from here on: the doubt may be forgotten with the claim, and the session
        must not be taken for a refresh if that claim is lost.
        """
        refresh = self.refresh_only
        return replace(
            self,
            status=self.status if refresh else SyncStatus.PENDING,
            claim=token,
            due_at=lease_until,
            waiting_since=None if refresh else self.waiting_since or self.due_at,
            attempts=self.attempts + 1,
            in_doubt=None if self.in_doubt is None or self.in_doubt.until <= now else self.in_doubt,
        )

    def delivered(self, receipt: "SyncReceipt", fingerprint: str, now: datetime) -> "SyncState":
        """After Genesys acknowledged; due again when the session changed, or another call may cover it."""
        current = receipt.fingerprint == fingerprint
        again_at = None
        if self.in_doubt is not None and self.in_doubt.fingerprint != fingerprint:
            again_at = max(now, self.in_doubt.until)
        return replace(
            self,
            status=SyncStatus.COMPLETED if current else SyncStatus.PENDING,
            due_at=again_at if current else now,
            waiting_since=None if current else now,
            attempts=0,
            claim=None,
            delivered_fingerprint=receipt.fingerprint,
            delivered_expires_at=receipt.expires_at,
            last_synced=receipt.synced_at,
            participant=receipt.participant or self.participant,
            failure=None,
            refused_fingerprint=None,
        )

    def postponed(
        self, until: datetime, failure: SyncFailure | None, in_doubt: CallInDoubt | None = None
    ) -> "SyncState":
        """After an attempt that may be made again; a refresh stays one."""
        return replace(
            self,
            status=self.status if self.refresh_only else SyncStatus.PENDING,
            due_at=until,
            claim=None,
            failure=failure,
            in_doubt=self._also_in_doubt(in_doubt),
        )

    def released(self, now: datetime, in_doubt: CallInDoubt | None = None) -> "SyncState":
        """After a claim that was given back: due at once, in its old place in the queue."""
        return replace(
            self,
            due_at=now if self.waiting_since is None else min(self.waiting_since, now),
            claim=None,
            attempts=max(0, self.attempts - 1),
            in_doubt=self._also_in_doubt(in_doubt),
        )

    def refused(self, failure: SyncFailure, *, sent: str, changed: bool, now: datetime) -> "SyncState":
        """After Genesys refused; due again only when the session changed meanwhile."""
        return replace(
            self,
            status=SyncStatus.PENDING if changed else SyncStatus.FAILED,
            due_at=now if changed else None,
            waiting_since=now if changed else None,
            claim=None,
            participant=None,
            failure=failure,
            refused_fingerprint=sent,
        )

    def put_in_doubt(self, in_doubt: CallInDoubt) -> "SyncState":
        """After a call whose lease had run out: it may have put an older copy over a newer one.

        Whoever holds the claim now keeps it, but the copy that it tells may be the one that was covered;
        so the session is told once more after that. To take the claim away would bring a second call
        beside the one under way, which would then be in doubt for the same reason, without an end.
        """
        return replace(
            self,
            status=SyncStatus.PENDING,
            due_at=in_doubt.since if self.claim is None or self.due_at is None else self.due_at,
            waiting_since=self.waiting_since or in_doubt.since,
            delivered_fingerprint=None,
            refused_fingerprint=None,
            in_doubt=self._also_in_doubt(in_doubt),
        )

    def _also_in_doubt(self, other: CallInDoubt | None) -> CallInDoubt | None:
        if self.in_doubt is None or other is None:
            return self.in_doubt or other
        same = self.in_doubt.fingerprint == other.fingerprint
        return CallInDoubt(
            fingerprint=other.fingerprint if same else "",
            since=max(self.in_doubt.since, other.since),
            until=max(self.in_doubt.until, other.until),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReceipt:
    """What Genesys acknowledged: which copy, with which expiry, when, and for whom."""

    fingerprint: str
    expires_at: datetime
    synced_at: datetime
    participant: tuple[str, str] | None = None
