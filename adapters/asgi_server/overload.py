"""What a server process refuses because it has too much, and how that is made known: not each time."""

import logging
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from math import inf

logger = logging.getLogger("session_keeper.server")

LOG_SECONDS = 10.0  # between two lines on refusals

OnRefused = Callable[[str, int], None]
"""Called with a reason and how many were refused for it since the last call, at most ten times a second."""


class Reason(StrEnum):
    REQUESTS = "requests"
    CONNECTIONS = "connections"


class RefusalCounter:
    """Counts requests that were refused for want of room; one addition each, for they come in thousands."""

    def __init__(self, on_refused: OnRefused | None = None) -> None:
        self._on_refused = on_refused
        self._counted: Counter[Reason] = Counter()
        self._not_logged: Counter[Reason] = Counter()
        self._logged_at = -inf

    def count(self, reason: Reason) -> None:
        self._counted[reason] += 1

    def make_known(self, now: float) -> None:
        """Pass on what was counted, and log it when the last line is old enough."""
        if self._counted:
            counted, self._counted = self._counted, Counter()
            self._not_logged += counted
            if self._on_refused is not None:
                for reason, number in counted.items():
                    self._on_refused(reason.value, number)
        if self._not_logged and now - self._logged_at >= LOG_SECONDS:
            logger.warning(
                "overloaded, refused with 503: requests=%d connections=%d",
                *(self._not_logged[reason] for reason in Reason),
            )
            self._not_logged.clear()
            self._logged_at = now
