"""What is noted about a session of which Genesys was not told."""

from datetime import datetime, timedelta

from application.errors import GenesysError, GenesysMisconfigured, GenesysRefused, GenesysUnavailable
from domain.decisions import Decide
from domain.identity import ClaimToken
from domain.sync import SyncPolicy, UnsureCall
from domain.sync_decisions import decide_postponed, decide_refused
from domain.write_back import SessionCopy

TOO_MANY_REQUESTS = 429


def note_of_failure(
    copy: SessionCopy,
    token: ClaimToken,
    error: GenesysError,
    *,
    policy: SyncPolicy,
    backoff_seconds: float,
    jitter: float,
    now: datetime,
) -> tuple[str, Decide]:
    """The outcome's name for the metrics, and the decision that notes it.

    Args:
        backoff_seconds: the shortest wait; `jitter` (from 0 to 1) only adds to it.
    """
    if isinstance(error, GenesysRefused):
        return "refused", lambda before: decide_refused(
            before, token=token, sent=copy.fingerprint, failure=error.failure, policy=policy, now=now
        )
    until = now + timedelta(seconds=wait_seconds(error, backoff_seconds, jitter))
    unsure = unsure_of(copy, policy, now) if may_have_taken_effect(error) else None
    outcome = "misconfigured" if isinstance(error, GenesysMisconfigured) else "postponed"
    return outcome, lambda before: decide_postponed(
        before, token=token, until=until, failure=error.failure, unsure=unsure
    )


def wait_seconds(error: GenesysError, backoff_seconds: float, jitter: float) -> float:
    """Never earlier than Genesys asked, nor than the backoff; the jitter comes on top."""
    asked = error.retry_seconds if isinstance(error, GenesysUnavailable) else None
    return max(asked or 0.0, backoff_seconds) + backoff_seconds * jitter


def may_have_taken_effect(error: GenesysError) -> bool:
    """Whether Genesys may have done what it was asked, or may do it still: after all but a plain no."""
    return isinstance(error, GenesysUnavailable) and error.failure.status != TOO_MANY_REQUESTS


def unsure_of(copy: SessionCopy, policy: SyncPolicy, now: datetime) -> UnsureCall:
    """A lease is longer than anything between here and Genesys keeps hold of a call."""
    until = now + timedelta(seconds=policy.lease_seconds)
    return UnsureCall(fingerprint=copy.fingerprint, since=now, until=until)
