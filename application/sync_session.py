"""Telling Genesys the newest state of one session."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TypeVar

from application.errors import GenesysError, GenesysUnavailable, StoreUnavailable
from application.ports import CallPermit, Clock, GenesysGateway, IdGenerator, Metrics, SessionStore
from application.sync_outcome import note_of_failure, unsure_of
from domain.decisions import Decide, Decision, Policies
from domain.identity import ClaimToken, SessionId
from domain.session import SessionState
from domain.sync import SyncFailure, SyncReceipt
from domain.sync_decisions import decide_claim, decide_released, decide_told
from domain.write_back import SessionCopy

T = TypeVar("T")
START_FRACTION = 0.5
"""A call is begun only while so much of the lease is left: twice what one call may take (the settings)."""
STOP_FRACTION = 0.1
"""A call that is not over when so much of the lease is left is given up, so that it can still be noted."""
NOTE_PAUSES_SECONDS = (0.1, 0.5, 2.0)
"""What is known of Genesys is worth a few tries: a note that is lost costs a lease and a call."""
_log = logging.getLogger("session_keeper.sync")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSession:
    """Tell Genesys of this session, if it is due and nobody else is about to.

    Attributes:
        retry_seconds_max: the longest wait after a failure that may pass; None: as the policy has it.
    """

    session_id: SessionId
    retry_seconds_max: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncAttempt:
    """How it went.

    Attributes:
        state: the session after the attempt; None when it is gone, or how it ended could not be noted.
        claimed: whether it was this one's to tell; if not, no call was made.
        error: why Genesys was not told.
        fault: what kept this service from noting how it ended; the lease runs out by itself.
    """

    state: SessionState | None
    error: GenesysError | None = None
    claimed: bool = True
    fault: StoreUnavailable | None = None


class SyncSessionHandler:
    def __init__(
        self,
        *,
        store: SessionStore,
        gateway: GenesysGateway,
        clock: Clock,
        ids: IdGenerator,
        metrics: Metrics,
        policies: Policies,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._policy = policies.sync

    async def __call__(self, command: SyncSession, permit: CallPermit) -> SyncAttempt:
        """Claims the session, makes the call, and notes how it ended.

        Args:
            permit: left unspent when no call is made.

        Raises:
            StoreUnavailable: the session could not be claimed; if it was, the lease runs out by itself.
        """
        token = self._ids.claim_token()
        lease = _Lease(self._policy.lease_seconds)
        claimed = await self._claim(command.session_id, token)
        if claimed is None or claimed.sync.claim != token:
            return SyncAttempt(state=claimed, claimed=False)
        copy = claimed.copy(self._policy.target)
        if lease.seconds_left < self._policy.lease_seconds * START_FRACTION:
            await self._release(command.session_id, token)
            return SyncAttempt(state=None, claimed=False)
        try:
            receipt = await self._told(copy, permit, lease)
        except GenesysError as error:
            return await _carried_through(self._note_failure(copy, token, claimed, error, command))
        except asyncio.CancelledError:
            await _carried_through(self._release(command.session_id, token, sent=copy))
            raise
        return await _carried_through(self._note_receipt(copy, token, claimed, receipt))

    async def _claim(self, session_id: SessionId, token: ClaimToken) -> SessionState | None:
        """The session, claimed if its claim is this token."""
        now = self._clock.now()
        try:
            decision = await self._store.update(
                session_id, lambda before: decide_claim(before, token=token, policy=self._policy, now=now)
            )
        except asyncio.CancelledError:
            await _carried_through(self._release(session_id, token))
            raise
        return decision.state

    async def _told(self, copy: SessionCopy, permit: CallPermit, lease: "_Lease") -> SyncReceipt:
        try:
            async with asyncio.timeout_at(lease.ends_at - self._policy.lease_seconds * STOP_FRACTION):
                return await self._gateway.write_back(copy, permit)
        except TimeoutError as error:
            failure = SyncFailure(code="lease.over", reason="the call took as long as the lease")
            raise GenesysUnavailable(failure) from error
        except GenesysError:
            raise
        except Exception as error:
            # its text may hold what it failed on, so only the kind is told
            _log.error("a call failed for a reason of our own", extra={"kind": type(error).__name__})
            failure = SyncFailure(code="fault." + type(error).__name__, reason="a fault of this service")
            raise GenesysUnavailable(failure, outage=False) from error

    async def _note_receipt(
        self, copy: SessionCopy, token: ClaimToken, claimed: SessionState, receipt: SyncReceipt
    ) -> SyncAttempt:
        now = self._clock.now()

        def decide(before: SessionState | None) -> Decision:
            return decide_told(before, token=token, receipt=receipt, policy=self._policy, now=now)

        try:
            decision = await self._write(copy.session_id, decide)
        except StoreUnavailable as fault:
            return SyncAttempt(state=None, fault=fault)
        if decision.audit:
            since = claimed.sync.waiting_since
            self._metrics.sync_finished("told", None if since is None else (now - since).total_seconds())
        else:
            self._metrics.sync_finished("lease_lost")
        return SyncAttempt(state=decision.state)

    async def _note_failure(
        self,
        copy: SessionCopy,
        token: ClaimToken,
        claimed: SessionState,
        error: GenesysError,
        command: SyncSession,
    ) -> SyncAttempt:
        outcome, decide = note_of_failure(
            copy,
            token,
            error,
            policy=self._policy,
            backoff_seconds=self._policy.backoff_seconds(claimed.sync.attempts, command.retry_seconds_max),
            jitter=self._ids.jitter(),
            now=self._clock.now(),
        )
        self._metrics.sync_finished(outcome)
        try:
            decision = await self._write(copy.session_id, decide)
        except StoreUnavailable as fault:
            return SyncAttempt(state=None, error=error, fault=fault)
        return SyncAttempt(state=decision.state, error=error)

    async def _release(
        self, session_id: SessionId, token: ClaimToken, *, sent: SessionCopy | None = None
    ) -> None:
        """Lets others take the session at once; if the store is away, the lease runs out instead."""
        now = self._clock.now()
        unsure = None if sent is None else unsure_of(sent, self._policy, now)
        try:
            await self._store.update(
                session_id, lambda before: decide_released(before, token=token, now=now, unsure=unsure)
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


class _Lease:
    """Counted from before the claim, by a clock that nobody sets and that runs while a process is stopped."""

    def __init__(self, seconds: float) -> None:
        self._now: Callable[[], float] = asyncio.get_running_loop().time
        self.ends_at = self._now() + seconds

    @property
    def seconds_left(self) -> float:
        return self.ends_at - self._now()


async def _carried_through(work: Coroutine[object, object, T]) -> T:
    """To its end, also when this task is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()
        raise
