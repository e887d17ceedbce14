"""What many rounds say together."""

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Quartiles(NamedTuple):
    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Quartiles":
        """Of one value or more."""
        known = sorted(values)
        if len(known) == 1:
            return cls(known[0], known[0], known[0])
        low, median, high = statistics.quantiles(known, n=4, method="inclusive")
        return cls(low, median, high)


def percentile(ascending: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all does not exceed; 0 when there is none."""
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)] if ascending else 0.0
