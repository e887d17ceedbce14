"""Python objects become context variables, and nothing is taken out silently."""

import math
from typing import Any

import pytest

from domain.context.variables import ContextVariables
from domain.errors import InvalidEvent


def test_a_real_cycle_is_replaced_and_named() -> None:
    cart: dict[str, Any] = {"items": []}
    cart["items"].append(cart)

    variables = ContextVariables.from_python({"cart": cart})

    assert variables.document == b'{"cart":{"items":["[Circular Reference Removed]"]}}'
    assert [(v.pointer, v.code) for v in variables.removed] == [
        ("/context/cart/items/0", "circular_reference")
    ]


def test_a_cycle_through_the_context_itself_is_found() -> None:
    context: dict[str, Any] = {"a": 1}
    context["self"] = context

    variables = ContextVariables.from_python(context)

    assert variables.document == b'{"a":1,"self":"[Circular Reference Removed]"}'


def test_an_object_that_is_used_twice_stays_in_both_places() -> None:
    address = {"city": "Köln"}

    variables = ContextVariables.from_python({"billing": address, "shipping": address})

    assert variables.document == '{"billing":{"city":"Köln"},"shipping":{"city":"Köln"}}'.encode()
    assert variables.removed == ()


def test_what_json_cannot_carry_is_dropped_and_named() -> None:
    variables = ContextVariables.from_python(
        {
            "f": print,
            "s": {1},
            "b": b"x",
            "list": [1, object(), 2],
            "n": {5: "five", "ok": True},
            "t": "\ud800",
        }
    )

    assert variables.document == b'{"list":[1,2],"n":{"ok":true}}'
    assert {v.pointer for v in variables.removed} == {
        "/context/f",
        "/context/s",
        "/context/b",
        "/context/list/1",
        "/context/n/5",
        "/context/t",
    }


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 2**53, -(2**53), 1e300])
def test_numbers_that_json_readers_disagree_on_are_refused(number: float) -> None:
    with pytest.raises(InvalidEvent) as refused:
        ContextVariables.from_python({"a": [number]})

    assert [v.pointer for v in refused.value.violations] == ["/context/a/0"]


def test_objects_that_share_parts_without_end_are_refused_in_bounded_time() -> None:
    value: list[Any] = []
    for _ in range(60):
        value = [value, value]

    with pytest.raises(InvalidEvent) as refused:
        ContextVariables.from_python({"a": value})

    assert "too_many_values" in {v.code for v in refused.value.violations}


def test_deep_nesting_is_refused_and_does_not_recurse_without_end() -> None:
    value: list[Any] = []
    for _ in range(5000):
        value = [value]

    with pytest.raises(InvalidEvent) as refused:
        ContextVariables.from_python({"a": value})

    assert [v.code for v in refused.value.violations] == ["too_deep"]


def test_tuples_become_arrays_and_equal_what_json_would_give() -> None:
    context = {"a": (1, "x", None), "b": {"c": 1.5, "d": False}}

    assert (
        ContextVariables.from_python(context).texts
        == ContextVariables.from_json({"a": [1, "x", None], "b": {"c": 1.5, "d": False}}).texts
    )
