"""What is told of an event stays small, whatever its sender names."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit import REASON_BYTES_MAX, AuditAction, AuditEntry
from domain.context.pruning import SHOWN_BYTES_MAX, SHOWN_MAX
from domain.context.size_policy import Overflow, SizePolicy
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Policies
from domain.errors import InvalidEvent, Violation
from domain.excerpts import LISTED_BYTES_MAX, LISTED_MAX, listed, shortened
from domain.ids import SessionId
from tests.contract.happenings import examples
from tests.factories import at, event, merge

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@examples(300)
@given(texts, st.integers(3, 60))
def test_a_text_is_cut_between_characters_and_says_so(text: str, bytes_max: int) -> None:
    short = shortened(text, bytes_max)

    assert len(short.encode()) <= bytes_max
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))
    assert (short == text) == (len(text.encode()) <= bytes_max)


@given(st.lists(texts.map(lambda text: text[:30]), max_size=20))
def test_a_list_shows_the_first_few_and_says_how_many_more_there_are(items: list[str]) -> None:
    text = listed(items, len(items), separator="; ")

    assert text.startswith("; ".join(items[:LISTED_MAX]))
    assert text.endswith(f" and {len(items) - LISTED_MAX} more") == (len(items) > LISTED_MAX)


def test_thousands_are_told_with_a_comma() -> None:
    assert listed(["a"] * 1868, 1868, separator=" ") == "a a a a a a a a and 1,860 more"
    assert len(listed(["x" * 1000] * 9, 9, separator="; ").encode()) <= 8 * (LISTED_BYTES_MAX + 2) + 11


@examples(100)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), st.integers(0, 3000))
def test_no_entry_of_the_trail_has_a_longer_reason_than_the_bound(text: str, times: int) -> None:
    entry = AuditEntry(
        action=AuditAction.SESSION_PERSISTED, session_id=SessionId("s"), time=at(0), reason=text * times
    )

    assert entry.reason is not None
    assert len(entry.reason.encode()) <= REASON_BYTES_MAX


PRUNING = Policies(
    size=SizePolicy(context_byte_size_max=300, sync_byte_size_max=1000, overflow=Overflow.PRUNE),
    variables_max=10**6,
)
HOSTILE: dict[str, dict[str, Any]] = {
    "thousands of values": {"a": [["x"] * 9_900]},
    "thousands of variables": {f"name{n}": "x" for n in range(2_000)},
    "long names": {f"{n}" + "ü" * 10_000: {"b": {"c~/" * 10_000: "x"}} for n in range(9)},
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_was_pruned_is_told_in_a_few_words(what: str) -> None:
    """One legal body made an audit row of 1,040,838 bytes."""
    decision = decide_event(None, event(HOSTILE[what], seconds=0), PRUNING, at(1))

    reason = decision.audit[-1].reason
    assert decision.pruned.count > SHOWN_MAX or what == "long names"
    assert len(decision.pruned.pointers) == min(SHOWN_MAX, decision.pruned.count)
    assert all(len(pointer.encode()) <= SHOWN_BYTES_MAX for pointer in decision.pruned.pointers)
    assert reason is not None
    assert reason.startswith("pruned /context/")
    assert len(reason.encode()) <= REASON_BYTES_MAX
    assert reason.endswith(" more")


def test_a_refusal_is_told_in_a_few_words() -> None:
    many = InvalidEvent(tuple(Violation(f"/context/{n}", "wrong", "is wrong") for n in range(1000)))
    long = InvalidEvent((Violation("/context/" + "x" * 100_000, "wrong", "is wrong"),))
    rules = Policies(schema=lambda _: many.violations)

    refused = decide_event(None, merge({"a": 1}, seconds=0), rules, at(1))

    assert refused.audit[0].reason == many.reason
    assert many.reason.endswith("/context/7: wrong and 992 more")
    assert len(long.reason) <= LISTED_BYTES_MAX
    assert len(many.violations) == 1000
