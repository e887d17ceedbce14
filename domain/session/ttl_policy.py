"""The time to live of sessions and of their tombstones."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import InvalidEvent, Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class TtlPolicy:
    """How long a session and what was removed of it are kept, in seconds.

    Attributes:
        ended_seconds_max: the longest that an ended session is still served (grace after the end).
        erased_seconds: how long the tombstone of an erased session is kept.
        tombstone_seconds: how long the tombstones of removed variables, and of sessions that have ended
            and expired, are kept: an event that arrives later than this may bring them back.
        future_seconds_max: how far ahead of our clock the time of an event may lie.
    """

    default_seconds: int = 3600
    min_seconds: int = 1
    max_seconds: int = 2_592_000
    ended_seconds_max: int = 86_400
    erased_seconds: int = 432_000
    tombstone_seconds: int = 432_000
    future_seconds_max: int = 300

    def __post_init__(self) -> None:
        if not self.min_seconds <= self.default_seconds <= self.max_seconds:
            raise ValueError("the default time to live must lie between the smallest and the largest")

    def check(self, ttl_seconds: int) -> None:
        """Raises InvalidEvent when a time to live is out of bounds."""
        if not self.min_seconds <= ttl_seconds <= self.max_seconds:
            raise InvalidEvent((self.violation(),))

    def violation(self) -> Violation:
        return Violation(
            "/ttlSeconds",
            "out_of_range",
            f"ttlSeconds must be an integer from {self.min_seconds} to {self.max_seconds}",
        )

    def expires_at(self, now: datetime, ttl_seconds: int, *, ended: bool) -> datetime:
        seconds = min(ttl_seconds, self.ended_seconds_max) if ended else ttl_seconds
        return now + timedelta(seconds=seconds)
