"""Arbitrary histories of a session for hypothesis, and how many of them are tried."""

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from domain.lifecycle import ENDS_KEPT_MAX
from tests.contract.reference_model import Happening

SCALE = float(os.environ.get("KEEPER_TEST_SCALE", "1"))
"""Set it to 20, say, for a run that takes longer and looks further."""


def examples(count: int) -> settings:
    """The same examples on every run, unless a longer run is asked for."""
    return settings(
        max_examples=max(1, int(count * SCALE)),
        derandomize=SCALE == 1,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


names = st.sampled_from(["a", "b", "c", 'ü"\\', "", "persistence"])
values = st.sampled_from([None, 0, 1, "x", [1, {"b": None, "a": 2}]])
contexts: st.SearchStrategy[dict[str, Any] | None] = st.none() | st.dictionaries(names, values, max_size=3)
# Few moments, so that many things happen in the same microsecond and only the tie tells them apart.
moments = st.integers(0, 9).map(float)
ends = st.builds(Happening, seconds=moments, ends=st.just(value=True))
activities = st.builds(Happening, seconds=moments, merges=st.booleans(), variables=contexts)


def histories(max_size: int = 9) -> st.SearchStrategy[list[Happening]]:
    return st.lists(
        st.one_of(activities, activities, activities, ends), min_size=1, max_size=max_size
    ).filter(lambda history: sum(one.ends for one in history) <= ENDS_KEPT_MAX)


@st.composite
def deliveries(draw: st.DrawFn, max_size: int = 9) -> tuple[list[Happening], list[Happening]]:
    """A history, and a way in which it may arrive: in any order, some of it more than once."""
    history = draw(histories(max_size))
    repeated = draw(st.lists(st.sampled_from(history), max_size=4))
    return history, draw(st.permutations([*history, *repeated]))
