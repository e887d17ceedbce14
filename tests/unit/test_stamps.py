from random import Random

from hypothesis import given
from hypothesis import strategies as st

from domain.stamps import BEFORE_ALL, LwwRegister, Stamp, tie_of
from tests.contract.happenings import examples

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
