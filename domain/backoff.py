"""Exponential back-off: the pause before the next try of what has failed."""

DOUBLINGS_MAX = 30
"""More than any bound needs, and few enough for a float."""


def backoff_seconds(failures: int, *, seconds_min: float, seconds_max: float) -> float:
    """`seconds_min` after the first failure, twice as long after each further one, at most `seconds_max`.

    The caller adds jitter, and only on top: no try comes earlier than this.
    """
    doublings = min(max(failures, 1) - 1, DOUBLINGS_MAX)
    return min(seconds_max, seconds_min * 2.0**doublings)
