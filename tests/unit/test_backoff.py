"""The one exponential back-off."""

from hypothesis import given
from hypothesis import strategies as st

from domain.backoff import backoff_seconds


def test_a_pause_doubles_with_each_failure_up_to_its_bound() -> None:
    pauses = [backoff_seconds(failures, seconds_min=0.5, seconds_max=5.0) for failures in range(1, 8)]

    assert pauses == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]


def test_what_has_not_failed_yet_waits_as_after_the_first_failure() -> None:
    assert backoff_seconds(0, seconds_min=1.0, seconds_max=60.0) == 1.0


@given(
    failures=st.integers(0, 10**9),
    seconds_min=st.floats(0.001, 86_400),
    seconds_max=st.floats(0.001, 86_400),
)
def test_it_never_shrinks_and_never_goes_over_its_bound(
    failures: int, seconds_min: float, seconds_max: float
) -> None:
    pause = backoff_seconds(failures, seconds_min=seconds_min, seconds_max=seconds_max)

    assert 0 < pause <= seconds_max
    assert pause <= backoff_seconds(failures + 1, seconds_min=seconds_min, seconds_max=seconds_max)
