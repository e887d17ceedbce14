"""The brake for when Genesys is away, and the book of sessions that are set aside."""

from application.errors import GenesysMisconfigured, GenesysRefused, GenesysUnavailable
from application.sync_aside import SetAside
from application.sync_brake import BrakePolicy, SyncBrake
from domain.identity import SessionId
from domain.sync import SyncFailure

FAILURE = SyncFailure(code="c", reason="r")
AWAY = GenesysUnavailable(FAILURE)
BUSY = GenesysUnavailable(FAILURE, outage=False)
WRONG = GenesysMisconfigured(FAILURE)
REFUSED = GenesysRefused(FAILURE)


def braked() -> SyncBrake:
    brake = SyncBrake(BrakePolicy())
    for _ in range(3):
        brake.note(AWAY, 0.0)
    return brake


def test_a_few_outages_in_a_row_put_it_on_and_no_fewer() -> None:
    brake = SyncBrake(BrakePolicy())
    brake.note(AWAY, 0.0)
    brake.note(AWAY, 0.0)
    assert not brake.on
    brake.note(BUSY, 0.0)
    brake.note(AWAY, 0.0)
    brake.note(AWAY, 0.0)
    assert not brake.on

    brake.note(AWAY, 0.0)

    assert brake.on
    assert brake.places(8) == 1


def test_pauses_between_probes_grow_up_to_a_bound() -> None:
    brake = braked()
    pauses = []
    for step in range(8):
        pauses.append(brake.pause_seconds(100.0 * step))
        brake.note(AWAY, 100.0 * (step + 1))

    assert pauses[1:] == [1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0]


def test_any_sensible_answer_takes_it_off() -> None:
    for answer in (None, REFUSED, BUSY):
        brake = braked()
        brake.note(answer, 1.0)

        assert not brake.on
        assert brake.pause_seconds(1.0) == 0


def test_after_it_was_on_calls_come_back_step_by_step() -> None:
    brake = braked()
    places = []
    for _ in range(5):
        brake.note(None, 1.0)
        places.append(brake.places(8))

    assert places == [2, 4, 8, 8, 8]


def test_misconfiguration_lasts_until_genesys_takes_a_call() -> None:
    brake = SyncBrake(BrakePolicy())
    brake.note(WRONG, 0.0)
    assert brake.pause_seconds(0.0) == 60
    brake.note(AWAY, 60.0)
    assert brake.misconfigured is WRONG

    brake.note(None, 120.0)

    assert brake.misconfigured is None
    assert not brake.on


def test_only_while_it_is_on_sessions_wait_no_longer_than_a_probe() -> None:
    assert SyncBrake(BrakePolicy()).retry_seconds_max is None
    assert braked().retry_seconds_max == 5.0


def test_a_session_is_set_aside_for_twice_as_long_each_time_up_to_a_bound() -> None:
    aside, session_id = SetAside(seconds_min=1.0, seconds_max=10.0), SessionId("s")

    assert [aside.strike(session_id, 0.0) for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    assert aside.holds(session_id, 9.9)
    assert aside.count(9.9) == 1
    assert not aside.holds(session_id, 10.0)
    assert aside.count(10.0) == 0


def test_a_session_that_is_forgiven_begins_anew() -> None:
    aside, session_id = SetAside(seconds_min=1.0, seconds_max=10.0), SessionId("s")
    aside.strike(session_id, 0.0)
    aside.strike(session_id, 0.0)
    aside.forgive(session_id)

    assert not aside.holds(session_id, 0.0)
    assert aside.strike(session_id, 0.0) == 1


def test_what_was_set_aside_long_ago_is_forgotten_when_there_is_too_much_of_it() -> None:
    aside = SetAside(seconds_min=1.0, seconds_max=10.0)
    for number in range(25_000):
        aside.strike(SessionId(f"s{number}"), float(number))

    assert len(aside._aside) <= 10_000
    assert aside.holds(SessionId("s24999"), 24_999.5)
