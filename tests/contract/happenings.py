"""Arbitrary histories of a session for hypothesis, and how a contract tries them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from domain.session.lifecycle import ENDS_KEPT_MAX
from tests.contract.reference_model import Happening
from tests.scale import SCALE, examples

__all__ = ["SCALE", "activities", "deliveries", "ends", "examples", "histories", "try_examples"]

Example = TypeVar("Example")


def try_examples(
    count: int, strategy: st.SearchStrategy[Example], check: Callable[[Example], Awaitable[None]]
) -> None:
    """What a test of a contract does in place of `@given`: checks every example, all in one event loop.

    A method with `@given` is one function for every subclass of the contract, and hypothesis refuses
    (`differing_executors`) to run one function for two of them in one process.
    The function here belongs to one run of one test.
    """
    with asyncio.Runner() as runner:

        @examples(count)
        @given(example=strategy)
        def each(example: Example) -> None:
            runner.run(_awaited(check(example)))

        each()


async def _awaited(what: Awaitable[None]) -> None:
    await what


names = st.sampled_from(["a", "b", "c", 'ü"\\', "", "persistence"])
values = st.sampled_from([None, 0, 1, "x", [1, {"b": None, "a": 2}]])
contexts: st.SearchStrategy[dict[str, Any] | None] = st.none() | st.dictionaries(names, values, max_size=3)
# Few moments, so that many things happen in the same microsecond and only the tie tells them apart.
moments = st.integers(0, 9).map(float)
ends = st.builds(
    Happening, seconds=moments, ends=st.just(value=True), merges=st.booleans(), variables=contexts
)
activities = st.builds(Happening, seconds=moments, merges=st.booleans(), variables=contexts)


def histories(max_size: int = 9) -> st.SearchStrategy[list[Happening]]:
    return st.lists(
        st.one_of(activities, activities, activities, ends), min_size=1, max_size=max_size
    ).filter(lambda history: sum(one.ends for one in history) <= ENDS_KEPT_MAX)


@st.composite
def deliveries(draw: st.DrawFn, max_size: int = 9) -> tuple[list[Happening], list[Happening]]:
    """A history, and a way in which it may arrive: in any order, some of it more than once."""
    history = draw(histories(max_size))
    repeated = draw(st.lists(st.sampled_from(history), max_size=4))
    return history, draw(st.permutations([*history, *repeated]))
