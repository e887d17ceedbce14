"""How many calls a token may make, and what each answer says about it."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RateReading:
    """The window right after a call was counted.

    `reset_seconds` are whole seconds until the count starts over, rounded up and at least 1.
    """

    count: int
    allowed: int
    reset_seconds: int

    @property
    def refused(self) -> bool:
        return self.count > self.allowed

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The three `inin-ratelimit-*` headers (source: Genesys' developer blog, 2021-05-06)."""
        return [
            (b"inin-ratelimit-count", str(self.count).encode()),
            (b"inin-ratelimit-allowed", str(self.allowed).encode()),
            (b"inin-ratelimit-reset", str(self.reset_seconds).encode()),
        ]


@dataclass(slots=True)
class RateWindow:
    """A fixed window of one token: it opens with the first call and starts over when its time has passed.

    Genesys names one moment at which the count starts over (`inin-ratelimit-reset`), hence a fixed
    window and not a sliding one. Every call of the token counts, a refused one too: the header is a
    count of requests, and nothing that Genesys has published exempts refused ones. They do not move
    the end of the window, so waiting `Retry-After` seconds is always enough.
    """

    opened_at: float | None = None
    count: int = 0

    def count_call(self, now: float, *, limit: int, window_seconds: float) -> RateReading:
        """Count one call at `now` (seconds)."""
        if self._is_over(now, window_seconds):
            self.opened_at, self.count = now, 0
        self.count += 1
        return self.reading(now, limit=limit, window_seconds=window_seconds)

    def reading(self, now: float, *, limit: int, window_seconds: float) -> RateReading:
        """The window as it stands at `now`, without counting anything."""
        over = self._is_over(now, window_seconds)
        opened_at = now if self.opened_at is None or over else self.opened_at
        left = opened_at + window_seconds - now
        return RateReading(
            count=0 if over else self.count, allowed=limit, reset_seconds=max(1, math.ceil(left))
        )

    def _is_over(self, now: float, window_seconds: float) -> bool:
        if self.opened_at is None:
            return True
        # a clock that was set back opens a new window, else the token would wait for the old time
        return not self.opened_at <= now < self.opened_at + window_seconds
