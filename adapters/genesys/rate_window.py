"""Where the rate window stands, as far as Genesys' answers report it.

Its end is reported in whole seconds, rounded nobody knows how, and counted from a moment between sending
and answer. So there is an earliest and a latest end; every answer brings them closer together. What is
left is spent before the earliest, and a new window is reckoned with only after the latest.
"""

from application.ports.genesys import WindowReport

ROUNDING_SECONDS = 1.0
RESET_SECONDS_MAX = 3600.0


class RateWindow:
    def __init__(self, *, now: float, seconds: float) -> None:
        """`seconds` is how long a window is taken to be until Genesys reports on it."""
        self._seconds = seconds
        self._reported = False
        self._over_by = float("-inf")
        self.earliest_end = self.latest_end = now + seconds

    def is_over(self, report: WindowReport, sent_at: float) -> bool:
        """Whether the report is about a window that has ended."""
        return self._earliest(report, sent_at) <= self._over_by

    def take_in(self, report: WindowReport, *, sent_at: float, now: float) -> bool:
        """Whether the report is the first about its window."""
        earliest = self._earliest(report, sent_at)
        latest = now + self._reset(report) + ROUNDING_SECONDS
        if not self._reported or earliest > self.latest_end:
            self._over_by = min(self.latest_end, now) if self._reported else self._over_by
            self._reported = True
            self.earliest_end, self.latest_end = earliest, latest
            return True
        self.earliest_end = max(self.earliest_end, earliest)
        self.latest_end = max(min(self.latest_end, latest), self.earliest_end)
        return False

    def passed(self, now: float) -> bool:
        """Whether the window has ended by now for certain; then the next one has begun."""
        if now < self.latest_end:
            return False
        if self._reported:
            self._over_by = self.latest_end
        self._reported = False
        self.earliest_end = self.latest_end = now + self._seconds
        return True

    def _earliest(self, report: WindowReport, sent_at: float) -> float:
        return sent_at + self._reset(report) - ROUNDING_SECONDS

    def _reset(self, report: WindowReport) -> float:
        return min(max(report.reset_seconds, 0.0), RESET_SECONDS_MAX)
