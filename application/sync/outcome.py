"""How an attempt to deliver a session ended, and what follows from that. Both are known only here.

The rest of the sync looks at an `Ending`, at its row in `CONSEQUENCES` or at the decision that
`decision_of` gives, and never at a class of error.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto
from typing import assert_never

from application.errors import GenesysError, GenesysMisconfigured, GenesysRefused, GenesysUnavailable
from domain.decisions.decision import Decide
from domain.decisions.sync import decide_delivered, decide_postponed, decide_refused
from domain.ids import ClaimToken
from domain.sync.policy import SyncPolicy
from domain.sync.session_copy import SessionCopy
from domain.sync.state import CallInDoubt, SyncFailure, SyncReceipt

TOO_MANY_REQUESTS = 429


class Ending(StrEnum):
    """How an attempt ended."""

    DELIVERED = "delivered"
    LEASE_LOST = "lease lost"
    REFUSED = "refused"
    FAILED = "failed"
    OUTAGE = "outage"
    MISCONFIGURED = "misconfigured"
    NOT_CLAIMED = "not claimed"
    FAILED_HERE = "failed here"


class Signal(Enum):
    """What an ending shows of Genesys as a whole, for the circuit breaker."""

    SUCCESS = auto()
    ANSWER = auto()
    BUSY = auto()
    OUTAGE = auto()
    MISCONFIGURED = auto()


class BackOff(Enum):
    """What happens to the back-off that this server process keeps for a session that fails here."""

    RESET = auto()
    GROW = auto()


@dataclass(frozen=True, slots=True)
class Consequences:
    """What follows from an ending, besides the decision about the session.

    Attributes:
        metric: the outcome that is counted; None: nothing is.
        log_level: of the line that the session was not delivered; None: there is none. While the circuit
            breaker is open, such lines are logged as DEBUG.
    """

    signal: Signal | None
    back_off: BackOff
    metric: str | None = None
    log_level: int | None = None


CONSEQUENCES = {
    Ending.DELIVERED: Consequences(Signal.SUCCESS, BackOff.RESET, "delivered"),
    Ending.LEASE_LOST: Consequences(Signal.SUCCESS, BackOff.RESET, "lease_lost"),
    Ending.REFUSED: Consequences(Signal.ANSWER, BackOff.RESET, "refused", logging.WARNING),
    Ending.FAILED: Consequences(Signal.BUSY, BackOff.RESET, "postponed", logging.WARNING),
    Ending.OUTAGE: Consequences(Signal.OUTAGE, BackOff.RESET, "postponed", logging.WARNING),
    Ending.MISCONFIGURED: Consequences(Signal.MISCONFIGURED, BackOff.RESET, "misconfigured", logging.WARNING),
    Ending.NOT_CLAIMED: Consequences(None, BackOff.GROW),
    Ending.FAILED_HERE: Consequences(None, BackOff.GROW),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOutcome:
    """How an attempt ended, with what is needed to write it to the session.

    Attributes:
        receipt: what Genesys acknowledged, if it did.
        failure: why the session was not delivered.
        retry_seconds: how long Genesys asked to wait.
        may_have_effect: whether the call is in doubt: it may have taken effect, or still may.
        inferred: whether a misconfiguration is inferred from many refusals; Genesys did not say so.
    """

    ending: Ending
    receipt: SyncReceipt | None = None
    failure: SyncFailure | None = None
    retry_seconds: float = 0.0
    may_have_effect: bool = False
    inferred: bool = False

    @property
    def consequences(self) -> Consequences:
        return CONSEQUENCES[self.ending]

    def as_misconfiguration(self, failure: SyncFailure) -> "SyncOutcome":
        """The outcome of a refusal that is not this session's fault."""
        return replace(self, ending=Ending.MISCONFIGURED, failure=failure, inferred=True)

    def noted(self, *, in_time: bool) -> "SyncOutcome":
        """The outcome once it is written; a delivery whose lease was lost before that is `LEASE_LOST`."""
        if self.ending is Ending.DELIVERED and not in_time:
            return replace(self, ending=Ending.LEASE_LOST)
        return self


def delivered(receipt: SyncReceipt) -> SyncOutcome:
    return SyncOutcome(ending=Ending.DELIVERED, receipt=receipt)


def failed_here(reason: str) -> SyncOutcome:
    """The outcome when our own store or code failed before a call is known to have been made."""
    return SyncOutcome(ending=Ending.FAILED_HERE, failure=SyncFailure(code="here", reason=reason))


NOT_CLAIMED = SyncOutcome(ending=Ending.NOT_CLAIMED)


def outcome_of(error: GenesysError) -> SyncOutcome:
    """The outcome of a call that Genesys did not acknowledge.

    The call is in doubt after everything but a plain refusal.
    """
    match error:
        case GenesysRefused():
            return SyncOutcome(ending=Ending.REFUSED, failure=error.failure)
        case GenesysMisconfigured():
            return SyncOutcome(ending=Ending.MISCONFIGURED, failure=error.failure)
        case GenesysUnavailable():
            return SyncOutcome(
                ending=Ending.OUTAGE if error.outage else Ending.FAILED,
                failure=error.failure,
                retry_seconds=error.retry_seconds or 0.0,
                may_have_effect=error.failure.status != TOO_MANY_REQUESTS,
            )
        case _:
            raise TypeError(f"an unknown kind of Genesys error: {type(error).__name__}")


def decision_of(
    outcome: SyncOutcome,
    copy: SessionCopy,
    token: ClaimToken,
    *,
    policy: SyncPolicy,
    backoff_seconds: float,
    jitter: float,
    now: datetime,
) -> Decide:
    """The decision that writes the outcome of a call to the session.

    Args:
        backoff_seconds: the shortest wait; `jitter` (from 0 to 1) and the `Retry-After` of Genesys only
            add to it.
    """
    match outcome.ending:
        case Ending.DELIVERED | Ending.LEASE_LOST:
            receipt = outcome.receipt
            if receipt is None:
                raise AssertionError("a delivery has a receipt")
            return lambda before: decide_delivered(
                before, token=token, receipt=receipt, policy=policy, now=now
            )
        case Ending.REFUSED:
            failure = _failure(outcome)
            return lambda before: decide_refused(
                before, token=token, sent=copy.fingerprint, failure=failure, policy=policy, now=now
            )
        case Ending.FAILED | Ending.OUTAGE | Ending.MISCONFIGURED:
            wait = max(outcome.retry_seconds, backoff_seconds) + backoff_seconds * jitter
            until, failure = now + timedelta(seconds=wait), _failure(outcome)
            in_doubt = doubt_about(copy, policy, now) if outcome.may_have_effect else None
            return lambda before: decide_postponed(
                before, token=token, until=until, failure=failure, in_doubt=in_doubt
            )
        case Ending.NOT_CLAIMED | Ending.FAILED_HERE:
            raise AssertionError("without a call there is nothing to write")
        case _:
            assert_never(outcome.ending)


def doubt_about(copy: SessionCopy, policy: SyncPolicy, now: datetime) -> CallInDoubt:
    """The call of this copy in doubt, for the time of a lease: no proxy or server holds a call for longer."""
    until = now + timedelta(seconds=policy.lease_seconds)
    return CallInDoubt(fingerprint=copy.fingerprint, since=now, until=until)


def _failure(outcome: SyncOutcome) -> SyncFailure:
    if outcome.failure is None:
        raise AssertionError("what was not delivered has a failure")
    return outcome.failure
