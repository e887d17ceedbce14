"""The circuit breaker, and the back-off of sessions."""

import pytest

from application.errors import GenesysError, GenesysMisconfigured, GenesysRefused, GenesysUnavailable
from application.sync.circuit_breaker import CircuitBreaker, CircuitBreakerPolicy
from application.sync.outcome import NOT_CLAIMED, SyncOutcome, delivered, failed_here, outcome_of
from application.sync.session_backoff import SessionBackoff
from domain.ids import SessionId
from domain.sync.state import SyncFailure, SyncReceipt
from tests.factories import START

FAILURE = SyncFailure(code="c", reason="r", status=400)
DELIVERED = delivered(SyncReceipt(fingerprint="f", expires_at=START, synced_at=START))
AWAY = outcome_of(GenesysUnavailable(FAILURE))
BUSY = outcome_of(GenesysUnavailable(FAILURE, outage=False))
WRONG = outcome_of(GenesysMisconfigured(FAILURE))
REFUSED = outcome_of(GenesysRefused(FAILURE))
INFERRED = REFUSED.as_misconfiguration(FAILURE)


def opened() -> CircuitBreaker:
    circuit_breaker = CircuitBreaker(CircuitBreakerPolicy())
    for _ in range(3):
        circuit_breaker.note(AWAY, 0.0)
    return circuit_breaker


def test_a_few_outages_in_a_row_open_it_and_no_fewer() -> None:
    circuit_breaker = CircuitBreaker(CircuitBreakerPolicy())
    circuit_breaker.note(AWAY, 0.0)
    circuit_breaker.note(AWAY, 0.0)
    assert not circuit_breaker.is_open
    circuit_breaker.note(BUSY, 0.0)
    circuit_breaker.note(AWAY, 0.0)
    circuit_breaker.note(AWAY, 0.0)
    assert not circuit_breaker.is_open

    circuit_breaker.note(AWAY, 0.0)

    assert circuit_breaker.is_open
    assert circuit_breaker.places(8) == 1


def test_pauses_between_probes_grow_up_to_a_bound() -> None:
    circuit_breaker = opened()
    pauses = []
    for step in range(8):
        pauses.append(circuit_breaker.pause_seconds(100.0 * step))
        circuit_breaker.note(AWAY, 100.0 * (step + 1))

    assert pauses[1:] == [1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0]


@pytest.mark.parametrize("answer", [DELIVERED, REFUSED, BUSY])
def test_any_sensible_answer_closes_it(answer: SyncOutcome) -> None:
    circuit_breaker = opened()
    circuit_breaker.note(answer, 1.0)

    assert not circuit_breaker.is_open
    assert circuit_breaker.pause_seconds(1.0) == 0


@pytest.mark.parametrize("ending", [NOT_CLAIMED, failed_here("damaged")])
def test_an_attempt_without_a_call_says_nothing_about_genesys(ending: SyncOutcome) -> None:
    circuit_breaker = opened()
    circuit_breaker.note(ending, 1.0)
    assert circuit_breaker.is_open
    circuit_breaker.note(DELIVERED, 1.0)

    for _ in range(5):
        circuit_breaker.note(ending, 1.0)

    assert not circuit_breaker.is_open
    assert circuit_breaker.places(8) == 2


def test_after_it_was_open_calls_come_back_step_by_step() -> None:
    circuit_breaker = opened()
    places = []
    for _ in range(5):
        circuit_breaker.note(DELIVERED, 1.0)
        places.append(circuit_breaker.places(8))

    assert places == [2, 4, 8, 8, 8]


def test_after_a_misconfiguration_the_pause_grows_until_an_operator_mended_it() -> None:
    circuit_breaker, pauses = CircuitBreaker(CircuitBreakerPolicy()), []
    for step in range(6):
        circuit_breaker.note(WRONG, 100.0 * step)
        pauses.append(circuit_breaker.pause_seconds(100.0 * step))

    assert pauses == [5, 10, 20, 40, 60, 60]


def test_calls_that_were_under_way_when_it_opened_do_not_make_the_pause_longer() -> None:
    circuit_breaker = CircuitBreaker(CircuitBreakerPolicy())
    for _ in range(8):
        circuit_breaker.note(WRONG, 0.0)

    assert circuit_breaker.pause_seconds(0.0) == 5
    circuit_breaker.note(WRONG, 5.0)
    assert circuit_breaker.pause_seconds(5.0) == 10


def test_misconfiguration_lasts_until_genesys_takes_a_call() -> None:
    circuit_breaker = CircuitBreaker(CircuitBreakerPolicy())
    circuit_breaker.note(WRONG, 0.0)
    circuit_breaker.note(AWAY, 60.0)
    assert circuit_breaker.misconfigured == FAILURE
    circuit_breaker.note(BUSY, 90.0)
    assert circuit_breaker.misconfigured == FAILURE
    assert circuit_breaker.pause_seconds(90.0) > 0

    circuit_breaker.note(DELIVERED, 120.0)

    assert circuit_breaker.misconfigured is None
    assert not circuit_breaker.is_open


def test_a_refusal_of_one_session_ends_what_genesys_said_and_not_what_refusals_told() -> None:
    said, inferred = CircuitBreaker(CircuitBreakerPolicy()), CircuitBreaker(CircuitBreakerPolicy())
    said.note(WRONG, 0.0)
    inferred.note(INFERRED, 0.0)
    assert (said.misconfigured_by_inference, inferred.misconfigured_by_inference) == (False, True)

    said.note(REFUSED, 10.0)
    inferred.note(REFUSED, 10.0)

    assert said.misconfigured is None
    assert inferred.misconfigured == FAILURE
    assert inferred.pause_seconds(10.0) == 10
    inferred.note(DELIVERED, 20.0)
    assert inferred.misconfigured is None


def test_only_while_it_is_open_sessions_wait_no_longer_than_a_probe() -> None:
    assert CircuitBreaker(CircuitBreakerPolicy()).retry_seconds_max is None
    assert opened().retry_seconds_max == 5.0


def test_an_error_of_another_kind_is_not_taken_for_any_outcome() -> None:
    with pytest.raises(TypeError):
        outcome_of(GenesysError(FAILURE))


def test_the_back_off_of_a_session_doubles_up_to_a_bound() -> None:
    backoff, session_id = SessionBackoff(seconds_min=1.0, seconds_max=10.0), SessionId("s")

    assert [backoff.grow(session_id, 0.0) for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    assert backoff.holds(session_id, 9.9)
    assert backoff.count(9.9) == 1
    assert not backoff.holds(session_id, 10.0)
    assert backoff.count(10.0) == 0


def test_after_a_reset_the_back_off_begins_anew() -> None:
    backoff, session_id = SessionBackoff(seconds_min=1.0, seconds_max=10.0), SessionId("s")
    backoff.grow(session_id, 0.0)
    backoff.grow(session_id, 0.0)
    backoff.reset(session_id)

    assert not backoff.holds(session_id, 0.0)
    assert backoff.grow(session_id, 0.0) == 1


def test_a_back_off_of_long_ago_is_forgotten_when_there_are_too_many() -> None:
    backoff = SessionBackoff(seconds_min=1.0, seconds_max=10.0)
    for number in range(25_000):
        backoff.grow(SessionId(f"s{number}"), float(number))

    assert len(backoff) <= 10_000
    assert backoff.holds(SessionId("s24999"), 24_999.5)
