"""The circuit breaker: stops calls, but for probes, while Genesys is away or refuses our credentials.

Closed: calls are made. Open: none is made until a pause, which grows, is over. Half-open: one call is made,
the probe. After Genesys has answered, concurrency doubles with each success. Pure: the time is passed in, as
seconds of a monotonic clock.
"""

from dataclasses import dataclass

from application.sync.outcome import Signal, SyncOutcome
from domain.backoff import backoff_seconds
from domain.sync.state import SyncFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreakerPolicy:
    """When the circuit breaker opens, and how often it lets a probe through.

    Attributes:
        outages_max: so many calls in a row without a valid answer open it.
        probe_seconds_min, probe_seconds_max: the pause before a probe grows between these.
        misconfigured_seconds: after credentials or permissions were refused, the pause grows from
            `probe_seconds_max` to this.
    """

    outages_max: int = 3
    probe_seconds_min: float = 0.5
    probe_seconds_max: float = 5.0
    misconfigured_seconds: float = 60.0


class CircuitBreaker:
    def __init__(self, policy: CircuitBreakerPolicy) -> None:
        self._policy = policy
        self._outages = 0
        self._successes = 0
        self._not_before = 0.0
        self._misconfigured: SyncOutcome | None = None
        self._misconfigured_probes = 0

    @property
    def is_open(self) -> bool:
        """Whether it is open or half-open: at most one call is made at a time, a probe."""
        return self._outages >= self._policy.outages_max or self._misconfigured is not None

    @property
    def misconfigured(self) -> SyncFailure | None:
        """Why nothing can be delivered until an operator changes something; None: nothing of that kind."""
        return None if self._misconfigured is None else self._misconfigured.failure

    @property
    def misconfigured_by_inference(self) -> bool:
        """Whether the misconfiguration is inferred from many refusals in a row; Genesys did not say so."""
        return self._misconfigured is not None and self._misconfigured.inferred

    @property
    def retry_seconds_max(self) -> float | None:
        """The longest back-off of a session while it is open: that of a probe. None while it is closed."""
        return self._policy.probe_seconds_max if self.is_open else None

    def places(self, most: int) -> int:
        """How many calls may be under way, up to `most`; after it was open, each success doubles them."""
        return 1 if self.is_open else min(most, 2 ** min(self._successes, 30))

    def pause_seconds(self, now: float) -> float:
        """The seconds until the next probe; 0 while it is closed or half-open."""
        return max(0.0, self._not_before - now) if self.is_open else 0.0

    def note(self, outcome: SyncOutcome, now: float) -> None:
        """Opens, closes or paces itself by how an attempt ended."""
        match outcome.consequences.signal:
            case Signal.OUTAGE:
                self._outages += 1
                if self.is_open:
                    self._successes = 0
                    self._not_before = max(self._not_before, now + self._probe_pause())
            case Signal.MISCONFIGURED:
                self._misconfigured = outcome
                self._pause_for_an_operator(now)
            case Signal.SUCCESS:
                self._answered(still_misconfigured=False, now=now)
            case Signal.ANSWER:
                # a refusal of one session shows that our credentials are valid, unless refusals are suspected
                self._answered(still_misconfigured=self.misconfigured_by_inference, now=now)
            case Signal.BUSY:
                self._answered(still_misconfigured=self._misconfigured is not None, now=now)
            case None:
                return

    def _answered(self, *, still_misconfigured: bool, now: float) -> None:
        self._outages = 0
        if still_misconfigured:
            self._pause_for_an_operator(now)
        else:
            self._misconfigured, self._misconfigured_probes = None, 0
            self._successes += 1

    def _pause_for_an_operator(self, now: float) -> None:
        self._successes = 0
        if now < self._not_before and self._misconfigured_probes:
            return  # this call was under way before the pause began: it was no probe
        self._misconfigured_probes += 1
        most = self._policy.misconfigured_seconds
        self._not_before = now + backoff_seconds(
            self._misconfigured_probes,
            seconds_min=min(self._policy.probe_seconds_max, most),
            seconds_max=most,
        )

    def _probe_pause(self) -> float:
        return backoff_seconds(
            1 + self._outages - self._policy.outages_max,
            seconds_min=self._policy.probe_seconds_min,
            seconds_max=self._policy.probe_seconds_max,
        )
