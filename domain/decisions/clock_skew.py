"""The guard against clock skew: eviction stops while our clock and the store's are too far apart."""

from datetime import timedelta


def eviction_problem(skew: timedelta | None, skew_max: timedelta) -> str | None:
    """Why eviction must stop; None: the skew is within bounds, or the store has no clock of its own.

    A server process whose clock is ahead takes live sessions for expired, also those of other replicas.

    Args:
        skew: how far the store's clock is ahead of ours.
    """
    if skew is None or abs(skew) <= skew_max:
        return None
    seconds, where = abs(skew.total_seconds()), "behind" if skew > timedelta() else "ahead of"
    return (
        f"our clock is {seconds:.1f} s {where} the store's, more than {skew_max.total_seconds():g} s: "
        "nothing is evicted"
    )
