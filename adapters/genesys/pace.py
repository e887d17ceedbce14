"""How many calls may be made and when, from what Genesys says of its rate window.

Genesys counts the calls of a token in windows and says with each answer how many it counted
(`inin-ratelimit-count`), how many it allows (`-allowed`) and in how many seconds the window ends
(`-reset`). Pure: the time is passed in, as seconds of a clock that only goes forward.
"""

from dataclasses import dataclass

WINDOW_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowReport:
    """The rate headers of one answer; all three or it is no report."""

    count: int
    allowed: int
    reset_seconds: float


class Pace:
    """Calls are spread over what is left of the window; after a quiet time a few may go at once."""

    def __init__(self, *, allowed: int, now: float, burst_fraction: float = 0.1) -> None:
        """Until the first answer, `allowed` calls a minute are taken for granted."""
        self._allowed = allowed
        self._burst_fraction = burst_fraction
        self._used = 0
        self._in_flight = 0
        self._window_ends = now + WINDOW_SECONDS
        self._credit = self._burst
        self._credited_at = now
        self._closed_until = now

    @property
    def allowed(self) -> int:
        """Calls in a window, as last reported."""
        return self._allowed

    @property
    def left(self) -> int:
        """Calls that may still be made in this window."""
        return max(0, self._allowed - self._used - self._in_flight)

    @property
    def _burst(self) -> float:
        return max(1.0, self._allowed * self._burst_fraction)

    def closed_seconds(self, now: float) -> float:
        """For how long a `Retry-After` keeps the gate shut."""
        return max(0.0, self._closed_until - now)

    def wait_seconds(self, now: float) -> float:
        """How long until a call may be made; 0: now."""
        self._advance(now)
        wait = self.closed_seconds(now)
        if self.left < 1:
            wait = max(wait, self._window_ends - now)
        if self._credit < 1.0:
            wait = max(wait, (1.0 - self._credit) / self._rate(now))
        return wait

    def take(self, now: float) -> None:
        self._advance(now)
        self._credit -= 1.0
        self._in_flight += 1

    def give_back(self) -> None:
        """A call that was taken was not made."""
        self._credit += 1.0
        self._in_flight -= 1

    def answered(self, report: WindowReport | None, now: float) -> None:
        """A call that was taken has ended, with or without a report about the window."""
        self._advance(now)
        self._in_flight = max(0, self._in_flight - 1)
        if report is None:
            self._used += 1
            return
        self._allowed = max(1, report.allowed)
        self._used = report.count
        self._window_ends = now + max(0.0, report.reset_seconds)

    def close(self, seconds: float, now: float) -> None:
        """Genesys asked everybody to wait."""
        self._closed_until = max(self._closed_until, now + seconds)

    def _rate(self, now: float) -> float:
        """Calls a second that spend what is left just as the window ends."""
        seconds_left = max(1.0, self._window_ends - now)
        return max(self.left / seconds_left, 1.0 / WINDOW_SECONDS)

    def _advance(self, now: float) -> None:
        if now >= self._window_ends:
            self._used = 0
            self._window_ends = now + WINDOW_SECONDS
        gained = (now - self._credited_at) * self._rate(now)
        self._credit = min(self._burst, self._credit + gained)
        self._credited_at = now
