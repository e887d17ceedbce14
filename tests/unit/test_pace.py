"""The pace of calls, against a model of Genesys' rate window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.genesys.pace import ALONE_SECONDS, Pace
from application.ports.genesys import WindowReport
from tests.scale import examples
from tests.simulation.genesys_window import ModelWindow
from tests.simulation.pace_model import run

windows = st.builds(
    ModelWindow,
    allowed=st.integers(60, 600),
    aligned=st.booleans(),
    rounds_up=st.booleans(),
    offset=st.floats(0, 59),
)
any_report = st.builds(
    WindowReport,
    count=st.integers(-1, 10**6),
    allowed=st.integers(-1, 10**6),
    reset_seconds=st.floats(-10, 1e9),
)


def report(count: int, allowed: int = 300, reset: float = 60) -> WindowReport:
    return WindowReport(count=count, allowed=allowed, reset_seconds=reset)


def heard(allowed: int = 300, count: int = 1, reset: float = 60, now: float = 0.0) -> Pace:
    """A pace that has had its first answer."""
    pace = Pace(allowed=allowed, now=now)
    pace.take(now)
    pace.answered(report(count, allowed, reset), sent_at=now, now=now)
    return pace


@examples(40)
@given(window=windows, seed=st.integers(0, 2**32), latency=st.floats(0.01, 1.0))
def test_alone_it_never_meets_a_429_and_uses_nearly_all_of_the_budget(
    window: ModelWindow, seed: int, latency: float
) -> None:
    result = run(window, seed=seed, seconds=300, latency_max=latency)

    assert result.late_refusals == []
    assert result.early_refusals == 0
    assert window.accepted >= window.allowed * 5 * 0.95


@examples(40)
@given(window=windows, seed=st.integers(0, 2**32), latency=st.floats(0.01, 1.0), share=st.floats(0.02, 0.5))
def test_others_who_keep_to_their_share_are_left_it(
    window: ModelWindow, seed: int, latency: float, share: float
) -> None:
    result = run(window, seed=seed, seconds=300, latency_max=latency, others_share=share)

    assert [at for at in result.late_refusals if at > window.seconds] == []
    # what is left to others who take half of a small window is reckoned with a margin of a few calls
    assert window.accepted >= window.allowed * 5 * 0.88


@pytest.mark.parametrize("processes", [2, 4])
@pytest.mark.parametrize("aligned", [False, True])
def test_processes_that_are_counted_together_reach_a_steady_state_without_429s(
    *, processes: int, aligned: bool
) -> None:
    window = ModelWindow(allowed=300, aligned=aligned, offset=17.0)

    result = run(window, seed=processes, seconds=600, processes=processes, latency_max=0.5)

    assert result.late_refusals == []
    assert window.accepted >= 300 * 10 * 0.93


def test_calls_are_spread_over_the_window_and_not_made_at_its_beginning() -> None:
    window = ModelWindow(allowed=300)

    result = run(window, seed=1, seconds=58, latency_max=0.2)

    halves = [sum(start <= at < start + 10 for at in result.sent) for start in (10, 20, 30, 40)]
    assert max(halves) - min(halves) <= 6


def test_the_first_call_goes_alone_since_only_genesys_knows_what_was_used_before() -> None:
    pace = Pace(allowed=300, now=0.0)
    assert pace.wait_seconds(0.0) == 0
    pace.take(0.0)

    assert pace.wait_seconds(0.0) == ALONE_SECONDS
    pace.answered(report(297, reset=30), sent_at=0.0, now=0.1)
    assert pace.wait_seconds(0.1) > 0
    assert pace.left == 3


def test_a_first_call_that_is_not_answered_holds_up_the_others_for_a_moment_only() -> None:
    pace = Pace(allowed=300, now=0.0)
    pace.take(0.0)

    assert pace.wait_seconds(ALONE_SECONDS) == 0


def test_without_any_report_the_setting_is_kept_to() -> None:
    pace, now, made = Pace(allowed=60, now=0.0), 0.0, []
    while now < 120:
        if (wait := pace.wait_seconds(now)) > 0:
            now += wait
            continue
        pace.take(now)
        pace.answered(None, sent_at=now, now=now)
        made.append(now)

    assert 100 <= len(made) <= 126


def test_a_quiet_service_may_send_a_few_at_once() -> None:
    pace = heard()
    taken = 0
    while pace.wait_seconds(10.0) == 0:
        pace.take(10.0)
        taken += 1

    assert 5 <= taken <= 30


def test_a_new_allowance_is_taken_over() -> None:
    pace = heard(allowed=300)
    pace.take(1.0)
    pace.answered(report(2, allowed=180), sent_at=1.0, now=1.0)

    assert pace.allowed == 180
    assert pace.left == 178


def test_an_answer_that_comes_late_does_not_turn_back_the_count() -> None:
    pace = heard()
    for _ in range(2):
        pace.take(1.0)
    pace.answered(report(9), sent_at=1.0, now=1.2)
    pace.answered(report(5), sent_at=1.0, now=1.3)

    assert pace.left == 291


def test_an_answer_about_the_window_before_says_nothing_about_this_one() -> None:
    pace = heard(reset=5)
    for _ in range(2):
        pace.take(4.0)
    pace.answered(report(3, reset=60), sent_at=5.5, now=5.6)
    pace.answered(report(299, reset=1), sent_at=4.0, now=7.0)

    assert pace.left >= 295


def test_nothing_of_the_next_window_is_spent_before_this_one_has_ended_for_certain() -> None:
    pace = heard(allowed=100, count=100, reset=10)

    assert pace.wait_seconds(10.5) > 0
    assert pace.wait_seconds(11.1) == 0


def test_a_new_window_is_noticed_as_soon_as_an_answer_tells_of_it() -> None:
    pace = heard(allowed=100, count=98, reset=10)
    pace.take(10.2)
    pace.answered(report(1, allowed=100, reset=60), sent_at=10.2, now=10.3)

    assert pace.left == 99


def test_a_closed_gate_is_closed_for_as_long_as_was_asked_and_a_later_call_does_not_open_it() -> None:
    pace = heard()
    pace.close(30, 1.0)
    pace.close(5, 2.0)

    assert pace.closed_seconds(2.0) == 29
    assert pace.wait_seconds(30.9) > 0
    assert pace.wait_seconds(31.1) == 0


def test_there_is_no_burst_after_the_gate_was_closed() -> None:
    pace = heard()
    pace.close(5, 1.0)
    pace.wait_seconds(6.0)
    taken = 0
    while pace.wait_seconds(6.0) == 0:
        pace.take(6.0)
        taken += 1

    assert taken <= 30


def test_a_call_given_back_leaves_no_trace() -> None:
    pace = heard()
    before = (pace.left, pace.in_flight)
    pace.take(1.0)
    assert pace.in_flight == 1
    pace.give_back()

    assert (pace.left, pace.in_flight) == before


@examples(200)
@given(st.data())
def test_calls_in_flight_are_those_taken_and_not_ended_whatever_is_reported(data: st.DataObject) -> None:
    pace, now, sent = Pace(allowed=50, now=0.0), 0.0, []
    for step in data.draw(st.lists(st.sampled_from(["take", "answer", "lose", "back", "wait"]), max_size=60)):
        now += data.draw(st.floats(0, 30))
        if step == "take" and pace.wait_seconds(now) == 0:
            pace.take(now)
            sent.append(now)
        elif step not in {"take", "wait"} and sent:
            sent_at = sent.pop(0)
            if step == "back":
                pace.give_back()
            else:
                told = data.draw(any_report)
                pace.answered(told if step == "answer" else None, sent_at=sent_at, now=now)

        assert pace.in_flight == len(sent)
        assert pace.wait_seconds(now) >= 0
