"""A brake for when Genesys is away: a probe now and then instead of a hammer.

Pure: the time is passed in, as seconds of a clock that only goes forward.
"""

from dataclasses import dataclass

from application.errors import GenesysError, GenesysMisconfigured, GenesysRefused, GenesysUnavailable
from domain.backoff import backoff_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakePolicy:
    """When to brake, and how often to look whether Genesys is back.

    Attributes:
        outages_max: so many calls in a row without a sensible answer, and the brake is on.
        probe_seconds_min, probe_seconds_max: the pause before a probe grows between these.
        misconfigured_seconds: the pause after credentials or rights were refused.
    """

    outages_max: int = 3
    probe_seconds_min: float = 0.5
    probe_seconds_max: float = 5.0
    misconfigured_seconds: float = 60.0


class SyncBrake:
    def __init__(self, policy: BrakePolicy) -> None:
        self._policy = policy
        self._outages = 0
        self._successes = 0
        self._not_before = 0.0
        self._misconfigured: GenesysMisconfigured | None = None

    @property
    def on(self) -> bool:
        """While it is on, there is one call at a time, a probe."""
        return self._outages >= self._policy.outages_max or self._misconfigured is not None

    @property
    def misconfigured(self) -> GenesysMisconfigured | None:
        """Why no session can be told, until an operator changes something."""
        return self._misconfigured

    @property
    def retry_seconds_max(self) -> float | None:
        """While Genesys as a whole is away, no session need wait longer than the next probe does."""
        return self._policy.probe_seconds_max if self.on else None

    def places(self, most: int) -> int:
        """How many calls may be under way; after the brake was on, each success doubles them."""
        return 1 if self.on else min(most, 2 ** min(self._successes, 30))

    def pause_seconds(self, now: float) -> float:
        """How long to wait before the next probe; 0 while the brake is off."""
        return max(0.0, self._not_before - now) if self.on else 0.0

    def note(self, error: GenesysError | None, now: float) -> None:
        """Takes in how a call ended; None: Genesys took it."""
        match error:
            case GenesysMisconfigured():
                self._misconfigured = error
                self._successes = 0
                self._not_before = now + self._policy.misconfigured_seconds
            case GenesysUnavailable(outage=True):
                self._outages += 1
                if self.on:
                    self._successes = 0
                    self._not_before = max(self._not_before, now + self._probe_pause())
            case None | GenesysRefused() | GenesysUnavailable():
                self._misconfigured = None
                self._outages = 0
                self._successes += 1
            case _:
                raise TypeError(f"an unknown kind of Genesys error: {type(error).__name__}")

    def _probe_pause(self) -> float:
        return backoff_seconds(
            1 + self._outages - self._policy.outages_max,
            seconds_min=self._policy.probe_seconds_min,
            seconds_max=self._policy.probe_seconds_max,
        )
