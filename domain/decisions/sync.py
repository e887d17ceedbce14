"""The decisions of a sync: to claim a session, and to write how the call ended.

The fencing token of the claim decides: without it only that a call is in doubt is written.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from domain.audit import AuditAction
from domain.decisions.decision import Decision
from domain.decisions.entries import entry_about
from domain.ids import ClaimToken
from domain.session.state import SessionState
from domain.sync.policy import SyncPolicy
from domain.sync.state import CallInDoubt, SyncFailure, SyncReceipt, SyncState


def decide_claim(
    before: SessionState | None, *, token: ClaimToken, policy: SyncPolicy, now: datetime
) -> Decision:
    """Claims the session if it is due; otherwise it stays as it is: another sync worker was faster."""
    if before is None or not before.served(now) or not policy.enabled:
        return Decision(state=before)
    if before.sync.due_at is None or before.sync.due_at > now:
        return Decision(state=before)
    lease_until = now + timedelta(seconds=policy.lease_seconds)
    return Decision(state=replace(before, sync=before.sync.claimed(token, lease_until, now)))


def decide_delivered(
    before: SessionState | None,
    *,
    token: ClaimToken,
    receipt: SyncReceipt,
    policy: SyncPolicy,
    now: datetime,
) -> Decision:
    """Genesys acknowledged. After a lost lease the call is in doubt, and the session due again."""
    if before is None or not before.has_context:
        return Decision(state=before)
    fingerprint = before.fingerprint(policy.target)
    if before.sync.claim != token:
        delivered_expires_at = before.sync.delivered_expires_at or receipt.expires_at
        if receipt.fingerprint == fingerprint and receipt.expires_at >= delivered_expires_at:
            return Decision(state=before)
        in_doubt = CallInDoubt(fingerprint=receipt.fingerprint, since=now, until=now)
        return Decision(state=replace(before, sync=before.sync.put_in_doubt(in_doubt)))
    sync = before.sync.delivered(receipt, fingerprint, now)
    sync = sync.after_renewal(before.expires_at, before.ttl_seconds.value, policy.refresh_fraction)
    return _noted(before, sync, AuditAction.SESSION_SYNCED, None, now)


def decide_refused(
    before: SessionState | None,
    *,
    token: ClaimToken,
    sent: str,
    failure: SyncFailure,
    policy: SyncPolicy,
    now: datetime,
) -> Decision:
    """Genesys refused for good: not tried again until the session changes.

    Args:
        sent: the fingerprint of the copy that was refused.
    """

    def refused(state: SessionState) -> Decision:
        changed = state.fingerprint(policy.target) != sent
        sync = state.sync.refused(failure, sent=sent, changed=changed, now=now)
        return _noted(state, sync, AuditAction.SESSION_SYNC_FAILED, str(failure), now)

    return _with_claim(before, token, refused)


def decide_postponed(
    before: SessionState | None,
    *,
    token: ClaimToken,
    until: datetime,
    failure: SyncFailure,
    in_doubt: CallInDoubt | None = None,
) -> Decision:
    """The attempt failed and is to be made again, at `until`.

    Args:
        in_doubt: the call that was made, unless it is certain that it had no effect.
    """

    def postponed(state: SessionState) -> Decision:
        return Decision(state=replace(state, sync=state.sync.postponed(until, failure, in_doubt)))

    return _with_claim(before, token, postponed, in_doubt)


def decide_released(
    before: SessionState | None, *, token: ClaimToken, now: datetime, in_doubt: CallInDoubt | None = None
) -> Decision:
    """The claim is released before its lease runs out; `in_doubt` as in `decide_postponed`."""

    def released(state: SessionState) -> Decision:
        return Decision(state=replace(state, sync=state.sync.released(now, in_doubt)))

    return _with_claim(before, token, released, in_doubt)


def _with_claim(
    before: SessionState | None,
    token: ClaimToken,
    decide: Callable[[SessionState], Decision],
    in_doubt: CallInDoubt | None = None,
) -> Decision:
    if before is None:
        return Decision(state=None)
    if before.sync.claim == token:
        return decide(before)
    if in_doubt is None or not before.has_context:
        return Decision(state=before)
    return Decision(state=replace(before, sync=before.sync.put_in_doubt(in_doubt)))


def _noted(
    before: SessionState, sync: SyncState, action: AuditAction, reason: str | None, now: datetime
) -> Decision:
    entry = entry_about(before, action, now, reason)
    return Decision(state=replace(before, sync=sync), audit=(entry,))
