"""msgspec's encoder stands in for the definition of the canonical bytes; these are stored and compared."""

import math
import random
import struct
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.event_json.canonical_texts import canonical_variables
from domain.context.python_values import NUMBER_MAX
from domain.context.variables import canonical_json, document_of
from tests.operations import steps_of
from tests.scale import SCALE, examples

NUMBERS = st.integers(-NUMBER_MAX, NUMBER_MAX) | st.floats(-NUMBER_MAX, NUMBER_MAX)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS | st.sampled_from(["1e-5", "de-DE", "0.00001"]),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(TEXTS, values, max_size=4),
    max_leaves=12,
)
FEW, MANY = 10, 1000


def canonical_texts(values: Mapping[str, object]) -> dict[str, bytes]:
    variables = canonical_variables(values)
    assert variables.document == document_of(variables.texts.items())
    return dict(variables.texts)


def by_definition(values: dict[str, object]) -> dict[str, bytes]:
    return {name: canonical_json(value) for name, value in values.items()}


@examples(400)
@given(values=st.dictionaries(TEXTS, VALUES, max_size=5))
@example(values={"a": 1e-5, "b": "e-", "c": 1.5e-9, "d": -0.00001234})
@example(values={"\U0001f600": 1, "\uffff": {"\U0001f600": 1, "\uffff": 2, "z": 3, "Z": [], "": {}}})
def test_the_texts_are_those_of_the_definition(values: dict[str, object]) -> None:
    assert canonical_texts(values) == by_definition(values)


def test_every_character_is_written_as_the_definition_has_it() -> None:
    texts = [f"a{chr(code)}b" for code in range(0x110000) if not 0xD800 <= code < 0xE000]

    assert canonical_texts({"all": texts}) == by_definition({"all": texts})


@pytest.mark.parametrize("exponent", range(-330, 17))
def test_every_magnitude_is_written_as_the_definition_has_it(exponent: int) -> None:
    dice = random.Random(exponent)
    drawn = [float(f"{dice.uniform(-10, 10):.{dice.randrange(17)}f}e{exponent}") for _ in range(200)]
    near = [float(f"1e{exponent}")]
    near += [math.nextafter(near[0], math.inf), math.nextafter(near[0], -math.inf)]
    values: dict[str, object] = {
        str(place): number for place, number in enumerate([*drawn, *near]) if abs(number) <= NUMBER_MAX
    }

    assert canonical_texts(values) == by_definition(values)
    assert canonical_texts({"all": list(values.values())}) == by_definition({"all": list(values.values())})


def test_whatever_bits_a_float_has_it_is_written_as_the_definition_has_it() -> None:
    dice = random.Random(0)
    drawn = [struct.unpack("d", dice.randbytes(8))[0] for _ in range(int(20_000 * min(SCALE, 1)))]
    drawn += [dice.uniform(-1, 1) * 10 ** dice.randrange(-5, 16) for _ in range(len(drawn))]
    for number in drawn:
        if abs(number) <= NUMBER_MAX:
            assert canonical_texts({"n": number}) == by_definition({"n": number})


def test_how_much_a_variable_holds_costs_no_step_of_ours() -> None:
    one = {"item": "lamp", "price": 19.99, "count": 3, "language": "de-DE", "open": True, "notes": ["a\n"]}

    few, many = ({"items": [dict(one) for _ in range(count)]} for count in (FEW, MANY))

    assert steps_of(lambda: canonical_variables(many)) == steps_of(lambda: canonical_variables(few))


def test_what_nests_deeper_than_the_stack_is_not_written() -> None:
    value: object = []
    for _ in range(100_000):
        value = [value]

    with pytest.raises(RecursionError):
        canonical_texts({"a": value})


def test_a_decoded_float_that_is_an_integer_stays_a_float() -> None:
    decoded = msgspec.json.decode(b'{"a":1.0,"b":1e2,"c":-0.0,"d":-0,"e":0.10}')

    assert canonical_texts(decoded) == {"a": b"1.0", "b": b"100.0", "c": b"-0.0", "d": b"0", "e": b"0.1"}
