from dataclasses import fields, replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from application.use_cases.persist_session import PersistSession
from domain.ids import PersistenceId
from domain.session.event import SessionEvent
from domain.stamps import BEFORE_ALL, LwwRegister, Stamp, tie_of
from tests.contract.happenings import examples
from tests.factories import at, end, event, merge

stamps = st.builds(Stamp, st.integers(0, 3), st.sampled_from(["", "a", "b", "~"]))
changes = st.lists(st.tuples(st.none() | st.integers(0, 3), stamps), max_size=6, unique_by=lambda c: c[1])


def test_time_comes_before_the_tie() -> None:
    assert Stamp(1, "z") < Stamp(2, "a") < Stamp(2, "b")
    assert Stamp(-(10**17), "") > BEFORE_ALL


def test_the_tie_tells_contents_apart_and_is_the_same_each_time() -> None:
    assert tie_of({"a": 1, "b": None}) == tie_of({"a": 1, "b": None})
    assert tie_of({"a": 1, "b": None}) != tie_of({"a": 1, "b": "None"})
    assert tie_of({"a": "1;b=2"}) != tie_of({"a": "1", "b": "2"})
    assert len(tie_of({})) == 12


def test_the_tie_of_an_event_is_what_every_release_makes_of_it() -> None:
    """Replicas of two releases share a store: what one has stored is the same event to the other."""
    ending = event({"ü": [1], "a": None}, seconds=1, ttl_seconds=60, subject_id="Zoë")
    ending = replace(ending, event_type="session-ended")

    assert tie_of({"ends": False, "context": '{"a":"ü\n"}'.encode(), "ttl": 60}) == "f3005db54fd3"
    assert ending.stamp == Stamp(1767268801000000, "25ff1ab6c24a8")
    assert ending.context_stamp == Stamp(1767268801000000, "05ff1ab6c24a8")


def test_both_stamps_at_once_are_the_two_stamps() -> None:
    for one in (event({"a": 1}, seconds=1), merge({"a": 1}, seconds=1), end(seconds=1), end_of({"a": 1})):
        assert one.stamps(at(1)) == (one.stamp, one.context_stamp)


def end_of(context: dict[str, int]) -> SessionEvent:
    return merge(dict(context), seconds=1, event_type="session-ended")


def test_an_identified_event_says_all_that_was_reported() -> None:
    command = PersistSession(**{field.name: field.name for field in fields(PersistSession)})  # type: ignore[arg-type]

    identified = command.identified(PersistenceId("an id"))

    for field in fields(PersistSession):
        assert getattr(identified, field.name) == field.name


@examples(100)
@given(changes, st.randoms(use_true_random=False))
def test_a_register_holds_the_newest_value_in_whatever_order_it_was_told(
    told: list[tuple[int | None, Stamp]], chance: Random
) -> None:
    register = LwwRegister(0)
    arrivals = [*told, *told]
    chance.shuffle(arrivals)
    for value, stamp in arrivals:
        register = register.updated(value, stamp)

    newest = max(((stamp, value) for value, stamp in told if value is not None), default=(BEFORE_ALL, 0))
    assert (register.stamp, register.value) == newest


def test_a_register_that_is_told_nothing_stays_the_same_object() -> None:
    register = LwwRegister("value", Stamp(5, ""))

    assert register.updated(None, Stamp(6, "")) is register
    assert register.updated("older", Stamp(4, "")) is register
    assert register.updated("again", Stamp(5, "")) is register
