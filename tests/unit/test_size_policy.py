"""Budgets, and what the three overflow policies do about a breach."""

import json
from base64 import urlsafe_b64decode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.storage.record import SessionRecord
from domain.context.lww_map import LwwMap, LwwVariable
from domain.context.size_policy import Overflow, SizePolicy
from domain.context.variables import ContextVariables, canonical_byte_size, canonical_json
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Outcome, Policies
from domain.errors import ContextTooLarge
from domain.session.state import SessionState
from domain.stamps import Stamp
from domain.sync.policy import SyncPolicy, SyncTarget
from domain.sync.session_copy import PERSISTENCE_BYTES
from tests.factories import at, event, merge
from tests.scale import examples

STAMP = Stamp(1, "a")


def context_of(context: dict[str, Any]) -> LwwMap:
    return LwwMap().merged(ContextVariables.from_json(context).texts, STAMP)


def policy(limit: int, overflow: Overflow, **fields: Any) -> SizePolicy:
    return SizePolicy(
        context_byte_size_max=limit, sync_byte_size_max=limit + 1000, overflow=overflow, **fields
    )


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)
contexts = st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=8)


def test_a_context_of_exactly_the_limit_fits_and_one_byte_more_does_not() -> None:
    context = context_of({"a": "x" * 100})
    size = len(context.document)

    fitted = policy(size, Overflow.REJECT).fit(context, sync_overhead=0)

    assert fitted.context == context
    with pytest.raises(ContextTooLarge) as refused:
        policy(size - 1, Overflow.REJECT).fit(context, sync_overhead=0)
    assert (refused.value.byte_size, refused.value.byte_size_max) == (size, size - 1)


def test_the_refusal_names_the_largest_variables_and_no_value() -> None:
    context = context_of({"small": 1, "large": "secret" * 50, "middle": "secret" * 20})

    with pytest.raises(ContextTooLarge) as refused:
        policy(100, Overflow.REJECT).fit(context, sync_overhead=0)

    assert [size.name for size in refused.value.largest] == ["large", "middle", "small"]
    assert "secret" not in str(refused.value)


def test_what_is_sent_has_its_own_budget() -> None:
    context = context_of({"a": "x" * 100})
    size = len(context.document)
    tight = SizePolicy(context_byte_size_max=size, sync_byte_size_max=size + 50)

    assert tight.fit(context, sync_overhead=50).context == context
    with pytest.raises(ContextTooLarge) as refused:
        tight.fit(context, sync_overhead=51)
    assert (refused.value.budget, refused.value.byte_size) == ("sync document", size + 51)
    assert tight.fit(context, sync_overhead=None).context == context


def test_pruning_drops_deep_values_before_whole_variables_the_largest_first() -> None:
    context = context_of(
        {"a": {"b": {"big": "x" * 200, "small": 1}, "c": 2}, "list": [[1, 2], {"deep": "y" * 50}, 3]}
    )

    fitted = policy(120, Overflow.PRUNE).fit(context, sync_overhead=0)

    assert fitted.pruned.pointers == ("/context/a/b/big",)
    assert json.loads(fitted.context.document) == {
        "a": {"b": {"small": 1}, "c": 2},
        "list": [[1, 2], {"deep": "y" * 50}, 3],
    }


def test_arrays_stay_arrays_when_their_elements_are_pruned() -> None:
    context = context_of({"list": [["x" * 100, "keep"], 3]})

    fitted = policy(60, Overflow.PRUNE).fit(context, sync_overhead=0)

    assert json.loads(fitted.context.document) == {"list": [["keep"], 3]}
    assert fitted.pruned.pointers == ("/context/list/0/0",)


def test_pruning_stops_as_soon_as_it_fits_commas_counted() -> None:
    """Twelve bytes too many are six items, for each takes its comma along."""
    context = context_of({"list": [[0] * 20]})
    limit = len(context.document) - 12

    fitted = policy(limit, Overflow.PRUNE).fit(context, sync_overhead=0)

    assert json.loads(fitted.context.document) == {"list": [[0] * 14]}
    assert fitted.pruned.pointers == tuple(f"/context/list/0/{place}" for place in range(6))


def test_what_was_dropped_of_a_variable_that_went_itself_is_not_named_beside_it() -> None:
    context = context_of({"a": {"b": {"c": 1}, "text": "x" * 100}, "keep": 1})

    fitted = policy(20, Overflow.PRUNE).fit(context, sync_overhead=0)

    assert json.loads(fitted.context.document) == {"keep": 1}
    assert fitted.pruned.pointers == ("/context/a",)


@examples(150)
@given(value=values)
def test_the_size_of_a_value_is_that_of_its_canonical_text(value: Any) -> None:
    assert canonical_byte_size(value) == len(canonical_json(value))


def test_whole_variables_go_when_deep_values_are_not_enough() -> None:
    context = context_of({"a": "x" * 200, "b": "y" * 100, "c": {"d": {"e": 1}}, "d/~": "z" * 300})

    fitted = policy(130, Overflow.PRUNE).fit(context, sync_overhead=0)

    assert json.loads(fitted.context.document) == {"b": "y" * 100, "c": {"d": {}}}
    assert fitted.pruned.pointers == ("/context/d~1~0", "/context/a", "/context/c/d/e")


def test_essential_variables_are_left_alone_and_refused_when_they_alone_do_not_fit() -> None:
    context = context_of({"must": {"a": {"b": "x" * 100}}, "may": "y" * 50})
    keeping = {"essential": frozenset({"must"})}

    fitted = policy(150, Overflow.PRUNE, **keeping).fit(context, sync_overhead=0)

    assert json.loads(fitted.context.document) == {"must": {"a": {"b": "x" * 100}}}
    with pytest.raises(ContextTooLarge):
        policy(100, Overflow.PRUNE, **keeping).fit(context, sync_overhead=0)


def test_compression_packs_the_largest_objects_and_arrays_and_reads_them_back() -> None:
    original = {"list": ["word"] * 100, "text": "x" * 100, "small": {"a": 1}}
    context = context_of(original)

    fitted = policy(250, Overflow.COMPRESS).fit(context, sync_overhead=0)

    stored = json.loads(fitted.context.document)
    assert set(stored["list"]) == {"$zlib"}
    assert stored["text"] == original["text"]
    assert stored["small"] == {"a": 1}
    assert json.loads(fitted.context.expanded().document) == original


def test_what_is_compressed_already_is_not_compressed_again() -> None:
    """35 variables of 130 kB that pack to 200 bytes each were packed anew for every small event."""
    rules = policy(250, Overflow.COMPRESS)
    first = rules.fit(context_of({"list": ["word"] * 100}), sync_overhead=0).context
    marked = b'{"$zlib":"as it was"}'
    known = replace(
        first,
        entries={"list": LwwVariable(marked, first.entries["list"].stamp, packed=True)},
    )
    later = Stamp(2, "a")
    context = first.expanded().merged({"more": b"1"}, later)
    changed = context.merged({"list": canonical_json(["other"] * 100)}, later)

    fitted = rules.fit(context, sync_overhead=0, before=known).context
    refitted = rules.fit(changed, sync_overhead=0, before=known).context

    assert fitted.texts["list"] == marked
    assert refitted.texts["list"] != marked
    assert json.loads(refitted.expanded().texts["list"]) == ["other"] * 100


@given(context=contexts)
def test_the_size_of_a_context_is_that_of_its_document(context: dict[str, Any]) -> None:
    assert context_of(context).byte_size == len(context_of(context).document)


def test_compression_does_not_search_at_any_price() -> None:
    """At the highest level one legal body of two letters in disorder held a process for 380 ms."""
    fitted = policy(250, Overflow.COMPRESS).fit(context_of({"list": ["word"] * 100}), sync_overhead=0)

    stream = urlsafe_b64decode(json.loads(fitted.context.document)["list"]["$zlib"])
    assert stream[1] >> 6 == 2  # FLEVEL of RFC 1950: 2 is the default algorithm, 3 maximum compression


def test_a_text_cannot_be_compressed_so_it_is_refused() -> None:
    with pytest.raises(ContextTooLarge):
        policy(100, Overflow.COMPRESS).fit(context_of({"text": "x" * 500}), sync_overhead=0)


def test_a_variable_that_only_looks_compressed_is_given_back_as_it_came() -> None:
    lookalike = {"value": {"$zlib": "bm90IHppcHBlZA"}}
    decision = decide_event(None, event(lookalike), Policies(), at(0))
    assert decision.state is not None

    assert json.loads(SessionRecord.of(decision.state).state().readable_document) == lookalike


@examples(150)
@given(context=contexts, limit=st.integers(2, 300), overhead=st.integers(0, 1500))
@pytest.mark.parametrize("overflow", list(Overflow))
def test_what_is_accepted_always_fits_both_budgets(
    context: dict[str, Any], limit: int, overhead: int, overflow: Overflow
) -> None:
    rules = policy(limit, overflow)
    try:
        fitted = rules.fit(context_of(context), sync_overhead=overhead)
    except ContextTooLarge:
        return

    assert len(fitted.context.document) <= rules.context_byte_size_max
    assert len(fitted.context.document) + overhead <= rules.sync_byte_size_max
    if overflow is not Overflow.PRUNE:
        assert json.loads(fitted.context.expanded().document) == context


@given(context=contexts)
def test_an_accepted_context_always_fits_what_is_sent(context: dict[str, Any]) -> None:
    rules = Policies(
        size=SizePolicy(context_byte_size_max=400, sync_byte_size_max=450, overflow=Overflow.PRUNE)
    )
    decision = decide_event(None, event(context), rules, at(0))
    if decision.state is None:
        return

    sent = decision.state.copy(SyncTarget.MESSAGING_SESSIONS).context_document(at(1))

    assert len(sent) <= 450
    assert len(sent) <= len(decision.state.context.document) + PERSISTENCE_BYTES


def state_after(events: list[Any], rules: Policies) -> tuple[SessionState, Outcome]:
    state: SessionState | None = None
    outcome = None
    for number, each in enumerate(events):
        decision = decide_event(state, each, rules, at(number))
        assert decision.refusal is None
        assert decision.state is not None
        state, outcome = SessionRecord.of(decision.state).state(), decision.outcome
    assert state is not None
    assert outcome is not None
    return state, outcome


@pytest.mark.parametrize("overflow", [Overflow.PRUNE, Overflow.COMPRESS])
def test_the_same_event_again_changes_nothing_although_it_was_made_to_fit(overflow: Overflow) -> None:
    rules = Policies(size=policy(300, overflow))
    large = merge({"a": 1, "list": ["word"] * 200}, seconds=1)

    state, outcome = state_after([large, large], rules)

    assert outcome is Outcome.UNCHANGED
    assert state.revision == 1


@pytest.mark.parametrize("overflow", [Overflow.REJECT, Overflow.PRUNE])
def test_what_a_limit_refuses_or_drops_depends_on_the_order_of_arrival(overflow: Overflow) -> None:
    """The example of docs/context.md: limits judge the context as it is when an event arrives."""
    rules = Policies(size=policy(60, overflow))
    happened = [
        merge({"a": "x" * 20}, seconds=1),
        merge({"b": "y" * 40}, seconds=2),
        merge({"a": 1}, seconds=3),
    ]

    def left_after(*places: int) -> Any:
        state: SessionState | None = None
        for place in places:
            state = decide_event(state, happened[place], rules, at(9)).state
        assert state is not None
        return json.loads(state.context.document)

    assert left_after(0, 1, 2) == {"a": 1}
    assert left_after(0, 2, 1) == {"a": 1, "b": "y" * 40}


def test_a_compressed_variable_is_expanded_again_once_there_is_room() -> None:
    rules = Policies(size=policy(300, Overflow.COMPRESS))

    state, _ = state_after(
        [merge({"list": ["word"] * 30, "text": "x" * 200}, seconds=1), merge({"text": None}, seconds=2)],
        rules,
    )

    assert json.loads(state.context.document) == {"list": ["word"] * 30}
    assert not any(entry.packed for entry in state.context.entries.values())


def test_pruning_is_told_in_the_decision_and_in_the_trail() -> None:
    rules = Policies(size=policy(60, Overflow.PRUNE))

    decision = decide_event(None, event({"keep": 1, "large": "secret" * 20}), rules, at(0))

    assert decision.pruned.pointers == ("/context/large",)
    assert decision.audit[0].reason == "pruned /context/large"


def test_without_sending_the_context_its_sync_budget_does_not_count() -> None:
    rules = Policies(
        size=SizePolicy(context_byte_size_max=500, sync_byte_size_max=100),
        sync=SyncPolicy(target=SyncTarget.PARTICIPANT_ATTRIBUTES),
    )

    decision = decide_event(None, event({"a": "x" * 300}), rules, at(0))

    assert decision.outcome is Outcome.PERSISTED
