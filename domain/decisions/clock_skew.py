"""How far the service's clock may be from the store's before nothing is evicted any more."""

from datetime import timedelta


def eviction_problem(skew: timedelta | None, skew_max: timedelta) -> str | None:
    """Why nothing may be evicted; None: the clocks agree well enough, or the store has none of its own.

    A process whose clock is ahead takes live sessions for expired, those of all other processes too.

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
