"""How many calls may be made and when, from what Genesys says of its rate window.

Genesys counts the calls of a token in fixed windows and says with each answer how many it counted
(`inin-ratelimit-count`), how many it allows (`-allowed`) and in how many seconds the window ends
(`-reset`). Pure: the time is passed in, as seconds of a clock that only goes forward.
"""

import math

from adapters.genesys.other_users import OtherUsers
from adapters.genesys.rate_window import RateWindow
from application.ports.genesys import WindowReport

WINDOW_SECONDS = 60.0
ALONE_SECONDS = 2.0
LOOK_AGAIN_SECONDS = 0.5
WAIT_SECONDS_MIN = 0.001
MARGIN_FRACTION = 0.01


class Pace:
    """Calls are spread over what is left of the window; after a quiet time a few may go at once."""

    def __init__(
        self,
        *,
        allowed: int,
        now: float,
        window_seconds: float = WINDOW_SECONDS,
        burst_fraction: float = 0.1,
    ) -> None:
        """Until the first answer, `allowed` calls a window are taken for granted."""
        self._allowed = allowed
        self._burst_fraction = burst_fraction
        self._window = RateWindow(now=now, seconds=window_seconds)
        self._others = OtherUsers(now=now)
        self._used = 0
        self._ours = 0
        self._in_flight = 0
        self._credit = self._burst
        self._credited_at = now
        self._closed_until = now
        self._heard = False
        self._first_taken_at = now

    @property
    def allowed(self) -> int:
        """Calls in a window, as last reported."""
        return self._allowed

    @property
    def left(self) -> int:
        """Calls that Genesys still allows in this window, whoever makes them."""
        return max(0, self._allowed - self._used - self._in_flight)

    @property
    def in_flight(self) -> int:
        """Calls that were taken and neither given back nor answered."""
        return self._in_flight

    @property
    def _burst(self) -> float:
        return max(1.0, self._allowed * self._burst_fraction)

    def closed_seconds(self, now: float) -> float:
        """For how long a `Retry-After` still keeps the budget closed."""
        return max(0.0, self._closed_until - now)

    def wait_seconds(self, now: float) -> float:
        """How long until a call may be made, as far as is known now; 0: at once."""
        self._advance(now)
        wait = self.closed_seconds(now)
        if not self._heard and self._in_flight:
            # how much of the window is used up is known only to Genesys, so the first call goes alone
            wait = max(wait, self._first_taken_at + ALONE_SECONDS - now)
        if self._usable(now) < 1.0:
            wait = max(wait, min(LOOK_AGAIN_SECONDS, self._window.latest_end - now))
        elif self._credit < 1.0:
            wait = max(wait, (1.0 - self._credit) / self._rate(now))
        # a wait that is lost in rounding would be waited for ever
        return max(wait, WAIT_SECONDS_MIN) if wait else 0.0

    def wait_seconds_behind(self, ahead: int, now: float) -> float:
        """How long it is likely to take until so many others and then we may make a call."""
        first, calls, rate = self.wait_seconds(now), 1.0 + ahead, self._rate(now)
        if self._usable(now) < calls:
            return max(first, self._window.latest_end - now)
        at_once = max(1.0, min(self._burst, self._credit + first * rate))
        return first + max(0.0, calls - at_once) / rate

    def take(self, now: float) -> None:
        self._advance(now)
        if not self._in_flight:
            self._first_taken_at = now
        self._credit -= 1.0
        self._in_flight += 1
        self._ours += 1

    def give_back(self) -> None:
        """A call that was taken was not made."""
        self._credit = min(self._burst, self._credit + 1.0)
        self._in_flight -= 1
        self._ours -= 1

    def answered(self, report: WindowReport | None, *, sent_at: float, now: float) -> None:
        """A call that was taken has ended, with or without a report about the window."""
        self._advance(now)
        self._heard = True
        self._others.note_duration(now - sent_at)
        if report is None or self._window.is_over(report, sent_at):
            self._used += 1
        else:
            self._take_in(report, sent_at, now)
        self._in_flight -= 1

    def close(self, seconds: float, now: float) -> None:
        """Genesys asked everybody to wait."""
        self._advance(now)
        self._closed_until = max(self._closed_until, now + seconds)
        self._credit = min(self._credit, 1.0)

    def _take_in(self, report: WindowReport, sent_at: float, now: float) -> None:
        self._allowed = max(1, report.allowed)
        if self._window.take_in(report, sent_at=sent_at, now=now):
            self._ours = self._in_flight
            self._used = report.count
            self._others.start(report.count - self._ours, now)
        else:
            self._used = max(self._used, report.count)
            self._others.note(report.count - self._ours)

    def _usable(self, now: float) -> float:
        """What is left for us: less what others are going to use, and a margin."""
        return (
            self.left
            - math.floor(self._allowed * MARGIN_FRACTION)
            - self._others.claim(now, self._window.latest_end)
        )

    def _rate(self, now: float) -> float:
        """Calls a second that spend what is usable just as the window ends, at the earliest."""
        hurry_seconds = self._others.blind_seconds if self._others.present(now) else 1.0
        seconds_left = max(hurry_seconds, self._window.earliest_end - now)
        return max(self._usable(now), 0.5) / seconds_left

    def _advance(self, now: float) -> None:
        gained = (now - self._credited_at) * self._rate(self._credited_at)
        self._credit = min(self._burst, self._credit + gained)
        self._credited_at = now
        if self._window.passed(now):
            self._used = 0
            self._ours = self._in_flight
            self._others.start(0, now)
