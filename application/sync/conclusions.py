"""What follows in this server process from the end of an attempt: circuit breaker, back-off, metrics, log."""

import asyncio
import logging
from dataclasses import dataclass, field

from application.ports.metrics import Metrics
from application.sync.circuit_breaker import CircuitBreaker, CircuitBreakerPolicy
from application.sync.outcome import BackOff, SyncOutcome
from application.sync.refusals import RefusalPolicy, RefusalsInARow
from application.sync.session_backoff import SessionBackoff
from domain.ids import SessionId
from domain.sync.state import SyncFailure

SAID_AGAIN_SECONDS = 3600.0
"""A misconfiguration that comes and goes is logged as an error at most once in this time."""
_log = logging.getLogger("session_keeper.sync")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConclusionPolicy:
    """Attributes:
    backoff_seconds_min, backoff_seconds_max: the back-off of a session that fails in this service.
    """

    backoff_seconds_min: float = 0.25
    backoff_seconds_max: float = 60.0
    circuit_breaker: CircuitBreakerPolicy = field(default_factory=CircuitBreakerPolicy)
    refusals: RefusalPolicy = field(default_factory=RefusalPolicy)


class SyncConclusions:
    """One per server process, shared by everything that makes attempts."""

    def __init__(self, *, metrics: Metrics, policy: ConclusionPolicy) -> None:
        self.circuit_breaker = CircuitBreaker(policy.circuit_breaker)
        self.session_backoff = SessionBackoff(
            seconds_min=policy.backoff_seconds_min, seconds_max=policy.backoff_seconds_max
        )
        self.refusals = RefusalsInARow(policy.refusals)
        self._metrics = metrics
        self._said: dict[str, float] = {}

    def draw(
        self,
        session_id: SessionId,
        outcome: SyncOutcome,
        *,
        lag_seconds: float | None = None,
        fault: str | None = None,
    ) -> None:
        """Draws the conclusions from an attempt; called once for each, at its end.

        Args:
            outcome: after `RefusalsInARow.judged`.
            lag_seconds: from the change that was delivered to the acknowledgement.
            fault: why the outcome could not be written to the store.
        """
        follows, now = outcome.consequences, asyncio.get_running_loop().time()
        was_open, was_misconfigured = self.circuit_breaker.is_open, self.circuit_breaker.misconfigured
        self.circuit_breaker.note(outcome, now)
        if follows.metric is not None:
            self._metrics.sync_finished(follows.metric, lag_seconds)
        if follows.log_level is not None:
            level = logging.DEBUG if was_open else follows.log_level
            facts = {"session_id": session_id, "reason": str(outcome.failure)}
            _log.log(level, "a session was not delivered to Genesys", extra=facts)
        if follows.back_off is BackOff.GROW or fault is not None:
            self._back_off(session_id, outcome, fault, now)
        else:
            self.session_backoff.reset(session_id)
        self._log_change(was_misconfigured, now, was_open=was_open)

    def _back_off(self, session_id: SessionId, outcome: SyncOutcome, fault: str | None, now: float) -> None:
        seconds = self.session_backoff.grow(session_id, now)
        if fault is None and outcome.failure is None:
            return  # another sync worker was faster
        facts = {"session_id": session_id, "reason": fault or str(outcome.failure), "seconds": seconds}
        _log.warning("a session backs off", extra=facts)

    def _log_change(self, was: SyncFailure | None, now: float, *, was_open: bool) -> None:
        circuit_breaker = self.circuit_breaker
        if circuit_breaker.misconfigured is not None and was is None:
            self._log_misconfiguration(circuit_breaker.misconfigured, now)
        elif circuit_breaker.is_open and not was_open:
            _log.error("Genesys is away; sync is down to a probe now and then")
        if was_open and not circuit_breaker.is_open:
            _log.info("Genesys answers again", extra={} if was is None else {"reason": f"was: {was}"})

    def _log_misconfiguration(self, failure: SyncFailure, now: float) -> None:
        said_at = self._said.get(failure.code)
        level = logging.ERROR if said_at is None or now - said_at > SAID_AGAIN_SECONDS else logging.INFO
        if level == logging.ERROR:
            self._said = {failure.code: now}
        words = (
            "Genesys refuses one session after another for one reason; sync is paused but for a probe"
            if self.circuit_breaker.misconfigured_by_inference
            else "Genesys refuses our credentials or rights; sync is paused but for a probe"
        )
        _log.log(level, words, extra={"reason": str(failure)})
