"""Telling Genesys the newest state of one session."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from application.errors import (
    GenesysError,
    GenesysMisconfigured,
    GenesysRefused,
    GenesysUnavailable,
    StoreUnavailable,
)
from application.ports import Clock, GenesysGateway, IdGenerator, Metrics, SessionStore
from domain.decisions import Decide, Policies
from domain.identity import ClaimToken, SessionId
from domain.session import SessionState
from domain.sync import SyncReceipt
from domain.sync_decisions import (
    decide_claim,
    decide_postponed,
    decide_refused,
    decide_released,
    decide_told,
)
from domain.write_back import SessionCopy


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSession:
    """Tell Genesys of this session, if it is due and nobody else is about to."""

    session_id: SessionId


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncAttempt:
    """How it went.

    Attributes:
        state: the session after the attempt; None when it is gone or was not claimed.
        claimed: whether it was this one's to tell; if not, no call was made.
        error: why Genesys was not told.
    """

    state: SessionState | None
    error: GenesysError | None = None
    claimed: bool = True


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

    async def __call__(self, command: SyncSession) -> SyncAttempt:
        """Claims the session, makes the call, and notes how it ended. The caller has taken the call.

        Raises:
            StoreUnavailable: the claim, if there is one, runs out by itself.
        """
        token = self._ids.claim_token()
        claimed = await self._claim(command.session_id, token)
        if claimed is None:
            return SyncAttempt(state=None, claimed=False)
        waiting_since = claimed.updated_at
        copy = claimed.copy(self._policy.target)
        try:
            receipt = await self._gateway.write_back(copy)
        except GenesysError as error:
            return await self._note_failure(copy, token, claimed.sync.attempts, error)
        except asyncio.CancelledError:
            await asyncio.shield(self._release(copy, token))
            raise
        state = await self._note_receipt(copy, token, receipt)
        if state is not None and state.sync.last_synced == receipt.synced_at:
            self._metrics.sync_finished("told", (self._clock.now() - waiting_since).total_seconds())
        else:
            self._metrics.sync_finished("lease_lost")
        return SyncAttempt(state=state or claimed)

    async def _claim(self, session_id: SessionId, token: ClaimToken) -> SessionState | None:
        now = self._clock.now()
        decision = await self._store.update(
            session_id, lambda before: decide_claim(before, token=token, policy=self._policy, now=now)
        )
        state = decision.state
        return state if state is not None and state.sync.claim == token else None

    async def _note_receipt(
        self, copy: SessionCopy, token: ClaimToken, receipt: SyncReceipt
    ) -> SessionState | None:
        now = self._clock.now()
        return await self._write(
            copy.session_id,
            lambda before: decide_told(before, token=token, receipt=receipt, policy=self._policy, now=now),
        )

    async def _note_failure(
        self, copy: SessionCopy, token: ClaimToken, attempts: int, error: GenesysError
    ) -> SyncAttempt:
        now = self._clock.now()
        if isinstance(error, GenesysRefused):
            self._metrics.sync_finished("refused")
            state = await self._write(
                copy.session_id,
                lambda before: decide_refused(
                    before,
                    token=token,
                    sent=copy.fingerprint,
                    failure=error.failure,
                    policy=self._policy,
                    now=now,
                ),
            )
            return SyncAttempt(state=state, error=error)
        misconfigured = isinstance(error, GenesysMisconfigured)
        self._metrics.sync_finished("misconfigured" if misconfigured else "postponed")
        until = now + timedelta(seconds=self._wait_seconds(attempts, error))
        state = await self._write(
            copy.session_id,
            lambda before: decide_postponed(before, token=token, until=until, failure=error.failure),
        )
        return SyncAttempt(state=state, error=error)

    def _wait_seconds(self, attempts: int, error: GenesysError) -> float:
        """Never earlier than Genesys asked; the jitter only adds."""
        if isinstance(error, GenesysUnavailable) and error.retry_seconds is not None:
            return error.retry_seconds
        return self._policy.backoff_seconds(attempts) * (1.0 + self._ids.jitter())

    async def _release(self, copy: SessionCopy, token: ClaimToken) -> None:
        """Lets others take the session at once; if the store is away, the lease runs out instead."""
        now = self._clock.now()
        try:
            await self._write(copy.session_id, lambda before: decide_released(before, token=token, now=now))
        except StoreUnavailable:
            return

    async def _write(self, session_id: SessionId, decide: Decide) -> SessionState | None:
        return (await self._store.update(session_id, decide)).state
