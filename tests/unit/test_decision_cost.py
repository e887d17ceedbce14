"""A decision takes work in proportion to its event: one body must not hold a process for seconds."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.context.size_policy import Overflow, SizePolicy
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Policies
from tests.factories import at, event, merge
from tests.operations import steps_of

SHAPES: dict[str, Callable[[int], dict[str, Any]]] = {
    "deep array items": lambda n: {"a": [["x"] * n]},
    "deep small containers": lambda n: {"a": {"b": [[[1]] for _ in range(n)]}},
    "deep members": lambda n: {"a": {"b": {f"name{k}": k for k in range(n)}}},
    "variables": lambda n: {f"name{k}": k for k in range(n)},
    "nulls": lambda n: {f"name{k}": None for k in range(n)},
    "a long text": lambda n: {"a": "x" * n * 10},
}


def steps_of_decision(context: dict[str, Any], overflow: Overflow) -> int:
    """Of a `merge` into a session that is full already."""
    rules = Policies(
        size=SizePolicy(context_byte_size_max=300, sync_byte_size_max=1000, overflow=overflow),
        variables_max=10**6,
        tombstones_max=10,
    )
    before = decide_event(None, event({"full": "x" * 250, "b": 1}, seconds=0), rules, at(1)).state
    assert before is not None
    what = merge(context, seconds=2)
    return steps_of(lambda: decide_event(before, what, rules, at(3)))


@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_the_event_takes_about_four_times_the_steps(shape: str, overflow: Overflow) -> None:
    few, many = (steps_of_decision(SHAPES[shape](count), overflow) for count in (150, 600))

    assert many <= 5 * few
