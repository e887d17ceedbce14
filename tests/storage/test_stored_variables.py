"""Cutting a canonical document into the texts of its variables."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.storage.stored_variables import _cut, kept, texts_of
from domain.context.lww_map import OneEventsVariables
from domain.context.variables import canonical_json
from domain.stamps import Stamp
from tests.scale import examples

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
contexts = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])) | st.just('a":{,'), values)


@examples(60)
@given(context=contexts)
def test_both_ways_to_cut_a_document_give_the_same(context: dict[str, Any]) -> None:
    document = canonical_json(context)

    cut = dict(_cut(document))

    assert cut == {name: bytes(text) for name, text in texts_of(document).items()}
    assert {name: json.loads(text) for name, text in cut.items()} == context


def test_a_document_is_cut_however_deep_it_is() -> None:
    deep = b'[{"b":' * 20_000 + b"1" + b"}]" * 20_000

    assert texts_of(b'{"a":' + deep + b',"c":2}') == {"a": deep, "c": b"2"}


@pytest.mark.parametrize("texts", [{}, {"b": b"1", "a": b"[2]", "ü": b"{}"}])
def test_what_one_event_set_is_kept_as_if_each_variable_had_been_set_by_itself(
    texts: dict[str, bytes],
) -> None:
    variables = OneEventsVariables(texts, Stamp(5, "0a"))

    assert bytes(kept(variables)) == bytes(kept(dict(variables.items())))
