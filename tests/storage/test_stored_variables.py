"""Cutting a canonical document into the texts of its variables."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.storage.stored_variables import _cut, texts_of
from domain.context.variables import canonical_json
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
