"""The sync state of a session: what Genesys has acknowledged, what is to be delivered, and when.

A session is due when its copy at Genesys is out of date. A sync worker claims it with a lease and a
fencing token: while the lease runs, the session is not due for other sync workers, and the end of the sync is
written only with that token. A change that arrives meanwhile leaves the session due again.

Delivery is at-least-once. Genesys has no revisions: the copy that arrives last there stays. A call whose
outcome or order is unknown is in doubt until it can no longer take effect; a copy that was delivered
meanwhile is delivered once more after that.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.ids import ClaimToken

RENEWAL_LEAD_SECONDS = 60.0
"""The shortest lead of a refresh before the expiry that Genesys holds, or half of the time to live if that
is shorter: one rate window of Genesys."""


class SyncStatus(StrEnum):
    """The state of the copy at Genesys, as a reader is shown it."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    DISABLED = "disabled"


class SyncLane(StrEnum):
    """The priority of a call: changes of live sessions, changes of ended ones, then mere refreshes."""

    LIVE = "0-live"
    ENDED = "1-ended"
    REFRESH = "2-refresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncFailure:
    """Why a copy was not delivered: Genesys' `code` and `contextId`, and a reason without any context value.

    Attributes:
        status: of the HTTP answer; None when there was none.
    """

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
class CallInDoubt:
    """A call in doubt: unknown is whether it took effect at Genesys, or in which order with another.

    Attributes:
        fingerprint: of the copy that it carried; empty for several calls with different copies.
        since: when its outcome was given up.
        until: it can no longer take effect after this.
    """

    fingerprint: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncState:
    """The sync state of a session.

    Attributes:
        due_at: when a sync worker may claim it (the end of the lease while one runs); None: not due.
        waiting_since: when the copy at Genesys went out of date; None: it is up to date but for its expiry.
        attempts: how often it was claimed since the last delivery or the change that made it due.
        claim: the fencing token of the running claim.
        delivered_fingerprint: of the copy that Genesys acknowledged last; None: there is none, or a call
            in doubt may have replaced it.
        delivered_expires_at: the expiry in the copy that Genesys acknowledged last.
        participant: conversation and participant id that a look-up at Genesys found, for the next call.
        failure: why the last attempt failed; None: it did not.
        refused_fingerprint: of the copy that Genesys refused last; it is not sent again.
        in_doubt: the call that may still replace the delivered copy by another.
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
        """Whether a call in doubt may still replace the delivered copy by a different one."""
        return self.in_doubt is not None and self.in_doubt.fingerprint != self.delivered_fingerprint

    @property
    def refresh_only(self) -> bool:
        """Whether the copy at Genesys is up to date but for its expiry, so that only a refresh can be due."""
        return self.status is SyncStatus.COMPLETED and not self.is_in_doubt

    @property
    def queued(self) -> bool:
        """Whether it is due already for a change, so that no other change or renewal moves its place."""
        return self.status is SyncStatus.PENDING and self.due_at is not None

    def after_change(self, fingerprint: str, now: datetime) -> "SyncState":
        """After the session may have changed: due at once, unless Genesys acknowledged or refused this copy.

        A session that was due already keeps its place in the queue, and its claim if one is running.
        """
        if self.status is SyncStatus.COMPLETED and fingerprint == self.delivered_fingerprint:
            return self
        if self.status is SyncStatus.FAILED and fingerprint == self.refused_fingerprint:
            return self
        if self.queued:
            return self
        if self.claim is not None and self.due_at is not None:
            return replace(self, status=SyncStatus.PENDING, waiting_since=now)
        due_at = now if self.due_at is None else min(self.due_at, now)
        return replace(
            self, status=SyncStatus.PENDING, due_at=due_at, waiting_since=now, attempts=0, failure=None
        )

    def after_renewal(self, expires_at: datetime, ttl_seconds: int, fraction: float) -> "SyncState":
        """After the time to live was renewed: due for a refresh before the expiry that Genesys holds.

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
        """With a lease and its fencing token, while a sync worker makes the call.

        A copy in doubt is pending from here on: this claim may drop the call in doubt, and if the lease is
        lost then, the session must not be taken for a refresh.
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
        """Genesys acknowledged: due again if the session changed, or a call in doubt may replace it."""
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
        """After an attempt that failed and is to be made again, at `until`; a refresh stays a refresh."""
        return replace(
            self,
            status=self.status if self.refresh_only else SyncStatus.PENDING,
            due_at=until,
            claim=None,
            failure=failure,
            in_doubt=self._also_in_doubt(in_doubt),
        )

    def released(self, now: datetime, in_doubt: CallInDoubt | None = None) -> "SyncState":
        """After the claim was released early: due at once, in its old place in the queue."""
        return replace(
            self,
            due_at=now if self.waiting_since is None else min(self.waiting_since, now),
            claim=None,
            attempts=max(0, self.attempts - 1),
            in_doubt=self._also_in_doubt(in_doubt),
        )

    def refused(self, failure: SyncFailure, *, sent: str, changed: bool, now: datetime) -> "SyncState":
        """After Genesys refused the copy for good; due again only if the session changed meanwhile."""
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
        """After a call whose lease had run out: it may have replaced a newer copy by an older one.

        A claim that is running stays, but the copy that it delivers may be the one that was replaced, so
        the session is delivered once more after it. To revoke the claim would start a second call beside
        the one under way, which would be in doubt for the same reason, and so on without an end.
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
    """The acknowledgement of a delivery: which copy, with which expiry, when, and for which participant."""

    fingerprint: str
    expires_at: datetime
    synced_at: datetime
    participant: tuple[str, str] | None = None
