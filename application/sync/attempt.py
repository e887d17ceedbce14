"""One attempt to deliver a session: claim it, call Genesys, write how the call ended."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from application.errors import GenesysError, GenesysUnavailable, StoreUnavailable
from application.ports.genesys import CallPermit, GenesysGateway
from application.ports.runtime import Clock, IdGenerator
from application.ports.session_store import SessionStore
from application.sync.conclusions import SyncConclusions
from application.sync.outcome import (
    NOT_CLAIMED,
    Ending,
    SyncOutcome,
    decision_of,
    delivered,
    doubt_about,
    failed_here,
    outcome_of,
)
from domain.decisions.decision import Decide, Decision, Policies
from domain.decisions.retry import decide_retry
from domain.decisions.sync import decide_claim, decide_released
from domain.ids import ClaimToken, SessionId
from domain.session.state import SessionState
from domain.sync.session_copy import SessionCopy
from domain.sync.state import SyncFailure

T = TypeVar("T")
START_FRACTION = 0.5
"""A call is begun only while so much of the lease is left; the settings keep a call to half of that."""
STOP_FRACTION = 0.1
"""A call that runs when only so much of the lease is left is given up: its end is still to be written."""
NOTE_PAUSES_SECONDS = (0.1, 0.5, 2.0)
"""The pauses between tries to write how a call ended: an end that is lost costs a lease and a call."""
_log = logging.getLogger("session_keeper.sync")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSession:
    """Deliver this session to Genesys, if it is due and no other sync worker has claimed it."""

    session_id: SessionId


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncAttempt:
    """How an attempt ended.

    Attributes:
        state: the session after the attempt; None when it is gone, or its end could not be written.
        fault: why the end could not be written; the lease runs out by itself.
    """

    state: SessionState | None
    outcome: SyncOutcome
    fault: StoreUnavailable | None = None

    @property
    def claimed(self) -> bool:
        """Whether the session was claimed; if not, no call was made."""
        return self.outcome.ending is not Ending.NOT_CLAIMED


class SyncSessionHandler:
    def __init__(
        self,
        *,
        store: SessionStore,
        gateway: GenesysGateway,
        clock: Clock,
        ids: IdGenerator,
        conclusions: SyncConclusions,
        policies: Policies,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._clock = clock
        self._ids = ids
        self._conclusions = conclusions
        self._policy = policies.sync

    async def __call__(self, command: SyncSession, permit: CallPermit) -> SyncAttempt:
        """Claims the session, makes the call, writes how it ended, and draws the conclusions.

        Args:
            permit: left unspent when no call is made.

        Raises:
            StoreUnavailable: the session could not be claimed; if it was, the lease runs out by itself.
        """
        session_id = command.session_id
        try:
            attempt = await self._attempt(session_id, permit)
        except StoreUnavailable as error:
            self._conclusions.draw(session_id, failed_here(str(error)))
            raise
        except Exception as error:
            # its text may hold a context value, so only its class is logged
            self._conclusions.draw(session_id, failed_here(type(error).__name__))
            raise
        if not attempt.claimed:
            self._conclusions.draw(session_id, attempt.outcome)
        return attempt

    async def _attempt(self, session_id: SessionId, permit: CallPermit) -> SyncAttempt:
        token = self._ids.claim_token()
        lease = _Lease(self._policy.lease_seconds)
        claimed = await self._claim(session_id, token)
        if claimed is None or claimed.sync.claim != token:
            return SyncAttempt(state=claimed, outcome=NOT_CLAIMED)
        copy = claimed.copy(self._policy.target)
        if lease.seconds_left < self._policy.lease_seconds * START_FRACTION:
            await self._release(session_id, token)
            return SyncAttempt(state=None, outcome=NOT_CLAIMED)
        try:
            outcome = await self._call(copy, permit, lease)
        except asyncio.CancelledError:
            await _carried_through(self._release(session_id, token, sent=copy))
            raise
        outcome = self._conclusions.refusals.judged(session_id, outcome)
        return await _carried_through(self._conclude(copy, token, claimed, outcome))

    async def _claim(self, session_id: SessionId, token: ClaimToken) -> SessionState | None:
        """The session after the try to claim it; it is claimed if its claim is this token."""
        now = self._clock.now()
        try:
            decision = await self._store.update(
                session_id, lambda before: decide_claim(before, token=token, policy=self._policy, now=now)
            )
        except asyncio.CancelledError:
            await _carried_through(self._release(session_id, token))
            raise
        return decision.state

    async def _call(self, copy: SessionCopy, permit: CallPermit, lease: "_Lease") -> SyncOutcome:
        try:
            async with asyncio.timeout_at(lease.ends_at - self._policy.lease_seconds * STOP_FRACTION):
                return delivered(await self._gateway.write_back(copy, permit))
        except TimeoutError:
            failure = SyncFailure(code="lease.over", reason="the call took as long as the lease")
            return outcome_of(GenesysUnavailable(failure))
        except GenesysError as error:
            return outcome_of(error)
        except Exception as error:  # noqa: BLE001 - whatever it was, the session must not be lost
            # its text may hold a context value, so only its class is logged
            _log.error("a call failed for a reason of our own", extra={"reason": type(error).__name__})
            failure = SyncFailure(code="fault." + type(error).__name__, reason="a fault of this service")
            return outcome_of(GenesysUnavailable(failure, outage=False))

    async def _conclude(
        self, copy: SessionCopy, token: ClaimToken, claimed: SessionState, outcome: SyncOutcome
    ) -> SyncAttempt:
        now, session_id = self._clock.now(), copy.session_id
        retry_seconds_max = self._conclusions.circuit_breaker.retry_seconds_max
        decide = decision_of(
            outcome,
            copy,
            token,
            policy=self._policy,
            backoff_seconds=self._policy.backoff_seconds(claimed.sync.attempts, retry_seconds_max),
            jitter=self._ids.jitter(),
            now=now,
        )
        try:
            decision = await self._write(session_id, decide)
        except StoreUnavailable as fault:
            self._conclusions.draw(session_id, outcome, fault=str(fault))
            return SyncAttempt(state=None, outcome=outcome, fault=fault)
        outcome = outcome.noted(in_time=bool(decision.audit))
        self._conclusions.draw(session_id, outcome, lag_seconds=_lag_seconds(outcome, claimed, now))
        for wronged in self._conclusions.refusals.take_wronged():
            await self._put_back(wronged)
        return SyncAttempt(state=decision.state, outcome=outcome)

    async def _put_back(self, session_id: SessionId) -> None:
        """Makes a session due again whose refusal was a misconfiguration, and not its own fault."""
        now = self._clock.now()
        try:
            await self._store.update(session_id, lambda before: decide_retry(before, now))
        except StoreUnavailable as error:
            facts = {"session_id": session_id, "reason": str(error)}
            _log.warning("a session that was refused wrongly could not be made due again", extra=facts)

    async def _release(
        self, session_id: SessionId, token: ClaimToken, *, sent: SessionCopy | None = None
    ) -> None:
        """Releases the claim: the session is due at once, or when the lease runs out if the store is away."""
        now = self._clock.now()
        in_doubt = None if sent is None else doubt_about(sent, self._policy, now)
        try:
            await self._store.update(
                session_id, lambda before: decide_released(before, token=token, now=now, in_doubt=in_doubt)
            )
        except StoreUnavailable:
            return

    async def _write(self, session_id: SessionId, decide: Decide) -> Decision:
        for pause in NOTE_PAUSES_SECONDS:
            try:
                return await self._store.update(session_id, decide)
            except StoreUnavailable:
                await asyncio.sleep(pause)
        return await self._store.update(session_id, decide)


def _lag_seconds(outcome: SyncOutcome, claimed: SessionState, now: datetime) -> float | None:
    """The seconds from a change to its delivery; None for a refresh, and for what was not delivered."""
    since = claimed.sync.waiting_since
    return None if since is None or outcome.ending is not Ending.DELIVERED else (now - since).total_seconds()


class _Lease:
    """A lease from before the claim, by a monotonic clock that also runs while the process is stopped."""

    def __init__(self, seconds: float) -> None:
        self._now: Callable[[], float] = asyncio.get_running_loop().time
        self.ends_at = self._now() + seconds

    @property
    def seconds_left(self) -> float:
        return self.ends_at - self._now()


async def _carried_through(work: Coroutine[object, object, T]) -> T:
    """Runs to its end, also when this task is cancelled meanwhile; the cancellation follows."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()
        raise
