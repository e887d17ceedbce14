from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from domain.context.lww_map import LwwMap, LwwVariable
from domain.context.variables import document_of, name_text
from domain.stamps import BEFORE_ALL, Stamp
from tests.scale import examples

T = [Stamp(number, "") for number in range(20)]


def test_the_newer_event_wins_each_variable() -> None:
    context = LwwMap().merged({"a": b"1", "b": b"1"}, T[5]).merged({"a": b"2", "c": b"2"}, T[4])

    assert context.texts == {"a": b"1", "b": b"1", "c": b"2"}


def test_of_two_events_of_one_microsecond_the_larger_tie_wins_whichever_came_first() -> None:
    one, other = ({"a": b"1"}, Stamp(1, "a")), ({"a": b"2"}, Stamp(1, "b"))

    assert LwwMap().merged(*one).merged(*other).texts == {"a": b"2"}
    assert LwwMap().merged(*other).merged(*one).texts == {"a": b"2"}


def test_a_removed_variable_is_not_brought_back_by_what_is_older() -> None:
    context = LwwMap().merged({"a": b"1"}, T[1]).merged({"a": None}, T[3])
    assert context.texts == {}
    assert context.tombstones == {"a": T[3]}

    assert context.merged({"a": b"2"}, T[2]) is context
    assert context.merged({"a": b"4"}, T[4]).texts == {"a": b"4"}


def test_removing_what_is_not_there_yet_leaves_a_tombstone() -> None:
    context = LwwMap().merged({"a": None}, T[3])

    assert context.merged({"a": b"1"}, T[2]).texts == {}


def test_a_repeated_event_gives_the_same_object() -> None:
    context = LwwMap().merged({"a": b"1", "b": None}, T[1])

    assert context.merged({"a": b"1", "b": None}, T[1]) is context


def test_replacing_drops_what_is_older_and_keeps_what_is_newer() -> None:
    context = LwwMap().merged({"old": b"1", "gone": None}, T[1]).merged({"new": b"2"}, T[9])

    replaced = context.replaced({"own": b"3", "new": b"3"}, T[5])

    assert replaced.texts == {"new": b"2", "own": b"3"}
    assert replaced.tombstones == {}
    assert replaced.merged({"late": b"4"}, T[4]) is replaced
    assert replaced.raised(T[4]) is replaced


def test_tombstones_that_are_too_many_go_oldest_first_and_raise_the_horizon() -> None:
    context = LwwMap().merged({"live": b"1"}, T[0])
    for number in range(1, 6):
        context = context.merged({f"v{number}": None}, T[number])

    trimmed = context.trimmed(tombstones_max=2, bytes_max=1000, oldest_microseconds=0)

    assert trimmed.tombstones == {"v4": T[4], "v5": T[5]}
    assert trimmed.horizon == T[3]
    assert trimmed.texts == {"live": b"1"}


def test_tombstones_that_are_too_old_go_and_raise_the_horizon() -> None:
    context = LwwMap().merged({"a": None}, T[3]).merged({"b": None}, T[7])

    trimmed = context.trimmed(tombstones_max=10, bytes_max=1000, oldest_microseconds=5)

    assert trimmed.tombstones == {"b": T[7]}
    assert trimmed.horizon == T[3]
    assert trimmed.trimmed(tombstones_max=10, bytes_max=1000, oldest_microseconds=5) is trimmed


def test_tombstones_of_too_many_bytes_go_oldest_first_and_raise_the_horizon() -> None:
    """A thousand long names that were removed were remembered in full, many times the context's limit."""
    context = LwwMap().merged({"live": b"1"}, T[0])
    for number in range(1, 6):
        context = context.merged({f"v{number}" + "ü" * 50: None}, T[number])
    assert sum(len(name_text(name)) for name in context.tombstones) == 5 * 104

    trimmed = context.trimmed(tombstones_max=10, bytes_max=2 * 104, oldest_microseconds=0)

    assert list(trimmed.tombstones.values()) == [T[4], T[5]]
    assert trimmed.horizon == T[3]
    assert trimmed.texts == {"live": b"1"}
    assert trimmed.trimmed(tombstones_max=10, bytes_max=2 * 104, oldest_microseconds=0) is trimmed


def test_one_name_over_the_bound_is_forgotten_with_all_that_are_older() -> None:
    context = LwwMap().merged({"a": None}, T[1]).merged({"x" * 200: None}, T[2])

    trimmed = context.trimmed(tombstones_max=10, bytes_max=100, oldest_microseconds=0)

    assert trimmed.tombstones == {}
    assert trimmed.horizon == T[2]


def test_below_the_horizon_only_known_names_are_taken_in() -> None:
    context = LwwMap(entries={"known": LwwVariable(b"1", T[1])}, horizon=T[5])

    assert context.merged({"forgotten": b"2"}, T[5]) is context
    assert context.merged({"known": b"2"}, T[3]).texts == {"known": b"2"}
    assert context.merged({"fresh": b"2"}, T[6]).texts == {"known": b"1", "fresh": b"2"}


def test_the_document_is_sorted_and_compact() -> None:
    context = LwwMap().merged({"b": b"[1]", "a": b"null", "ü": b'"x"'}, T[1])

    assert context.document == '{"a":null,"b":[1],"ü":"x"}'.encode()
    assert LwwMap().document == b"{}"
    assert LwwMap().floor == BEFORE_ALL


brought = st.dictionaries(st.sampled_from("abcü"), st.none() | st.sampled_from([b"1", b"2"]))
happened = st.lists(st.tuples(brought, st.booleans(), st.integers(0, 9)), max_size=8)


@examples(200)
@given(happened)
def test_the_map_is_that_of_the_simple_definition(
    events: list[tuple[dict[str, bytes | None], bool, int]],
) -> None:
    """What is known beforehand (document, newest stamp) is what would be made of the entries."""
    context, simple, floor = LwwMap(), dict[str, tuple[bytes | None, Stamp]](), BEFORE_ALL
    for brings, replaces, when in events:
        texts: Mapping[str, bytes | None] = brings
        stamp = T[when]
        if replaces:
            own = {name: text for name, text in brings.items() if text is not None}
            texts = {**own}
            context = context.replaced(own, stamp, document_of(own.items()))
            floor = max(floor, stamp)
            simple = {name: one for name, one in simple.items() if one[1] >= floor}
        else:
            context = context.merged(texts, stamp)
        for name, text in texts.items():
            if stamp > simple[name][1] if name in simple else stamp >= floor:
                simple[name] = (text, stamp)

        assert {name: (one.text, one.stamp) for name, one in context.entries.items()} == simple
        assert context.document == LwwMap(entries=dict(context.entries)).document
        assert context.newest == LwwMap(entries=dict(context.entries)).newest
        assert context.packed == LwwMap(entries=dict(context.entries)).packed
        assert context.has_tombstones == bool(context.tombstones)
        assert context.floor == floor
