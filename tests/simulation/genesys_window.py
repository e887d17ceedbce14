"""Genesys' rate window as a model: fixed, and told in whole seconds, rounded up or down."""

import math
from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class ModelWindow:
    """Attributes:
    aligned: windows follow one another by the clock; otherwise one opens with the first call.
    rounds_up: how the seconds to the reset are rounded.
    """

    allowed: int
    seconds: float = 60.0
    aligned: bool = False
    rounds_up: bool = True
    offset: float = 0.0
    count: int = 0
    ends_at: float = float("-inf")
    refused: int = 0
    accepted: int = 0

    def call(self, now: float) -> tuple[bool, int, int]:
        """Counts a call; whether it is accepted, and the headers `count` and `reset`."""
        if now >= self.ends_at:
            self.count = 0
            self.ends_at = self._end_of(now)
        self.count += 1
        left = self.ends_at - now
        reset = max(0, math.ceil(left) if self.rounds_up else math.floor(left))
        if self.count > self.allowed:
            self.refused += 1
            return False, self.count, reset
        self.accepted += 1
        return True, self.count, reset

    def _end_of(self, now: float) -> float:
        if not self.aligned:
            return now + self.seconds
        return self.offset + (math.floor((now - self.offset) / self.seconds) + 1) * self.seconds
