"""How many examples are tried, and by which rules of hypothesis: the same ones for the whole suite."""

import os

from hypothesis import HealthCheck, settings

SCALE = float(os.environ.get("KEEPER_TEST_SCALE", "1"))
"""Set it to 20, say, for a run that takes longer and looks further."""

EXAMPLES_BY_DEFAULT = 100


def load_hypothesis_profile() -> None:
    """The same examples on every run, unless a longer run is asked for, and no time limit on any.

    Fixtures of a function may be shared by its examples: our tests name what they make anew.
    """
    settings.register_profile(
        "keeper",
        max_examples=max(1, int(EXAMPLES_BY_DEFAULT * SCALE)),
        derandomize=SCALE == 1,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    settings.load_profile("keeper")


def examples(count: int) -> settings:
    """As many examples of the profile, or as many times more as a longer run asks for."""
    return settings(max_examples=max(1, int(count * SCALE)))
