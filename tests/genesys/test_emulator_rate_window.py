import pytest

from adapters.genesys_emulator.rate_limit import RateReading, RateWindow


def count(window: RateWindow, now: float, times: int = 1) -> RateReading:
    for _ in range(times):
        reading = window.count_call(now, limit=3, window_seconds=60)
    return reading


def test_calls_up_to_the_limit_pass_and_the_next_is_refused() -> None:
    window = RateWindow()

    assert not count(window, 100.0, times=3).refused
    assert count(window, 100.0).refused


def test_the_window_starts_over_when_its_time_has_passed_and_not_before() -> None:
    window = RateWindow()
    assert count(window, 100.0, times=4).refused

    assert count(window, 159.999).refused
    assert count(window, 160.0) == RateReading(count=1, allowed=3, reset_seconds=60)


def test_refused_calls_count_but_do_not_move_the_end_of_the_window() -> None:
    window = RateWindow()
    count(window, 100.0, times=3)

    assert count(window, 150.0) == RateReading(count=4, allowed=3, reset_seconds=10)
    assert count(window, 155.0) == RateReading(count=5, allowed=3, reset_seconds=5)


@pytest.mark.parametrize(("now", "seconds"), [(100.0, 60), (100.1, 60), (158.5, 2), (159.999, 1)])
def test_the_seconds_to_wait_are_rounded_up(now: float, seconds: int) -> None:
    window = RateWindow()
    count(window, 100.0)

    reading = count(window, now)

    assert reading.reset_seconds == seconds
    assert now + reading.reset_seconds >= 160.0


def test_reading_a_window_counts_nothing() -> None:
    window = RateWindow()
    count(window, 100.0, times=2)

    assert window.reading(110.0, limit=3, window_seconds=60).count == 2
    assert window.reading(110.0, limit=3, window_seconds=60).count == 2
    assert window.reading(160.0, limit=3, window_seconds=60).count == 0


def test_a_clock_that_is_set_back_opens_a_new_window() -> None:
    window = RateWindow()
    assert count(window, 10_000.0, times=4).refused

    assert not count(window, 100.0).refused
