import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.storage.record import RecordUnreadable, SessionRecord
from domain.context import canonical_json
from domain.decisions import Policies
from domain.event_decision import decide_event
from domain.identity import ClaimToken, PersistenceId, SessionId
from domain.instants import from_microseconds
from domain.lifecycle import ENDS_KEPT_MAX, Lifecycle
from domain.packing import packed
from domain.session import Participant, SessionState
from domain.stamped_context import StampedContext, StampedVariable
from domain.stamps import Register, Stamp
from domain.sync import SyncFailure, SyncState, SyncStatus
from tests.contract.happenings import examples
from tests.factories import at, event, merge

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
moments = st.integers(-(10**15), 2 * 10**17).map(from_microseconds)
stamps = st.builds(Stamp, st.integers(-(2**63), 2**62), st.sampled_from(["", "~", "0123456789ab", "ffff"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
canonical = values.filter(lambda value: value not in (float("inf"), float("-inf"))).map(
    lambda value: canonical_json(_finite(value))
)
entries = st.one_of(
    st.builds(StampedVariable, canonical, stamps),
    st.builds(StampedVariable, canonical.map(packed), stamps, st.just(value=True)),
    st.builds(StampedVariable, st.none(), stamps),
)
failures = st.builds(
    SyncFailure,
    code=texts,
    reason=texts,
    status=st.none() | st.integers(400, 599),
    context_id=st.none() | texts,
)
syncs = st.builds(
    SyncState,
    status=st.sampled_from(SyncStatus),
    due_at=st.none() | moments,
    attempts=st.integers(0, 1000),
    claim=st.none() | texts.map(ClaimToken),
    told_fingerprint=st.none() | texts,
    told_expires_at=st.none() | moments,
    last_synced=st.none() | moments,
    participant=st.none() | st.tuples(texts, texts),
    failure=st.none() | failures,
)
states = st.builds(
    SessionState,
    session_id=texts.map(SessionId),
    revision=st.integers(0, 10**6),
    persistence_id=texts.map(PersistenceId),
    created_at=moments,
    updated_at=moments,
    expires_at=moments,
    ttl_seconds=st.builds(Register, st.integers(1, 10**7), stamps),
    context=st.builds(
        StampedContext, entries=st.dictionaries(texts, entries, max_size=6), floor=stamps, horizon=stamps
    ),
    lifecycle=st.builds(
        Lifecycle,
        last_activity=st.none() | stamps,
        ends=st.lists(stamps, max_size=ENDS_KEPT_MAX).map(tuple),
        erased=stamps,
        erased_until=st.none() | moments,
    ),
    conversation_id=st.builds(Register, st.none() | texts, stamps),
    participant=st.builds(Register, st.none() | st.builds(Participant, st.none() | texts, texts), stamps),
    subject_id=st.builds(Register, st.none() | texts, stamps),
    sync=syncs,
)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if abs(value) < 1e308 else 0.5
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return {name: _finite(one) for name, one in value.items()} if isinstance(value, dict) else value


@examples(400)
@given(states)
def test_every_state_comes_back_from_its_record_equal(state: SessionState) -> None:
    record = SessionRecord.of(state)

    assert record.state() == state
    assert SessionRecord.of(record.state()) == record


def test_the_columns_say_what_stores_look_for() -> None:
    state = decide_event(None, event({"a": 1}, subject_id="who"), Policies(), at(0)).state
    assert state is not None
    failure = SyncFailure(code="not.found", reason="refused")
    failed = replace(state, sync=replace(state.sync, status=SyncStatus.FAILED, failure=failure))

    record = SessionRecord.of(state)
    assert (record.subject_id, record.sync_due_at, record.sync_lane) == ("who", at(0), "0-live")
    assert record.sync_failure is None
    assert SessionRecord.of(failed).sync_failure == "not.found"
    pending = replace(failed, sync=replace(failed.sync, status=SyncStatus.PENDING))
    assert SessionRecord.of(pending).sync_failure is None


def test_a_stamp_that_many_variables_share_is_written_once() -> None:
    many = decide_event(None, event({f"v{n}": n for n in range(100)}), Policies(), at(0)).state
    assert many is not None

    assert len(json.loads(SessionRecord.of(many).ledger)["s"]) == 2


@pytest.mark.parametrize(
    ("later", "conversation_id", "participant_id"),
    [({}, "c", "p"), ({"participant_id": "q"}, "c", "q"), ({"conversation_id": "d"}, "d", None)],
)
def test_a_record_without_the_participants_conversation_takes_it_from_the_same_event(
    later: dict[str, str], conversation_id: str, participant_id: str | None
) -> None:
    """As 0.1 wrote them: a participant of an older event than the conversation's is looked up anew."""
    first = decide_event(None, event(seconds=0, conversation_id="c", participant_id="p"), Policies(), at(0))
    state = decide_event(first.state, event(seconds=1, **later), Policies(), at(1)).state
    assert state is not None
    record = SessionRecord.of(state)
    ledger = json.loads(record.ledger)
    del ledger["pcv"]

    read = replace(record, ledger=json.dumps(ledger).encode()).state()

    assert (read.conversation_id.value, read.participant_id) == (conversation_id, participant_id)


FIXED_BYTES, BYTES_PER_ENTRY = 1_200, 64
"""A ledger takes at most FIXED_BYTES + what the ids and the sync hold + for each live variable and each
tombstone BYTES_PER_ENTRY and its name as JSON: a place, a length and, if no other shares it, a stamp."""


@examples(30)
@given(st.lists(st.text("abü\x00", min_size=1, max_size=30), max_size=400, unique=True), st.booleans())
def test_the_ledger_is_bounded_by_its_formula(names: list[str], removed: bool) -> None:  # noqa: FBT001
    policies = Policies(variables_max=300, tombstones_max=50)
    state: SessionState | None = None
    for place, name in enumerate(names[:300]):
        change = merge({name: None if removed and place % 2 else 1}, seconds=place)
        state = decide_event(state, change, policies, at(1000)).state
    if state is None:
        return

    ledger = SessionRecord.of(state).ledger
    assert len(state.context.tombstones) <= 50
    kept = [*state.context.texts, *state.context.tombstones]
    assert len(ledger) <= FIXED_BYTES + sum(BYTES_PER_ENTRY + len(canonical_json(name)) for name in kept)


Damage = Callable[[dict[str, Any]], object]
DAMAGES: dict[str, Damage] = {
    "a newer version": lambda ledger: ledger.update(n=2),
    "no stamps": lambda ledger: ledger.pop("s"),
    "a stamp of three parts": lambda ledger: ledger["s"].append([1, "", 2]),
    "a place that is not there": lambda ledger: ledger.update(f=99),
    "a length too long": lambda ledger: ledger["v"][0].__setitem__(2, 50),
    "a length too short": lambda ledger: ledger["v"][0].__setitem__(2, 1),
    "another name": lambda ledger: ledger["v"][0].__setitem__(0, "z"),
    "a name that is a number": lambda ledger: ledger["v"][0].__setitem__(0, 7),
    "no variables at all": lambda ledger: ledger.update(v=[]),
    "a status of the future": lambda ledger: ledger["sync"].__setitem__(0, "wondering"),
    "a moment out of the calendar": lambda ledger: ledger["sync"].__setitem__(1, 2**62),
    "a sync that is no list": lambda ledger: ledger.update(sync=None),
    "a moment that is a text": lambda ledger: ledger.update(u="soon"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_ledger_is_unreadable_and_nothing_else(damage: str) -> None:
    state = decide_event(None, event({"a": "text", "b": 1}), Policies(), at(0)).state
    assert state is not None
    record = SessionRecord.of(state)
    ledger = json.loads(record.ledger)
    DAMAGES[damage](ledger)

    with pytest.raises(RecordUnreadable, match="of session s"):
        replace(record, ledger=json.dumps(ledger).encode()).state()


@pytest.mark.parametrize("ledger", [b"", b"\xff", b"[]", b"null", b"7", b"[" * 100_000, b'{"n":1}'])
def test_what_is_no_ledger_is_unreadable(ledger: bytes) -> None:
    state = decide_event(None, event({"a": 1}), Policies(), at(0)).state
    assert state is not None

    with pytest.raises(RecordUnreadable):
        replace(SessionRecord.of(state), ledger=ledger).state()


@pytest.mark.parametrize("document", [b"", b"{}", b'{"a":1', b'{"a":1} ', b'{"b":1}', b'{"a":1,"b":2}'])
def test_a_document_that_does_not_fit_its_ledger_is_unreadable(document: bytes) -> None:
    state = decide_event(None, event({"a": 1}), Policies(), at(0)).state
    assert state is not None

    with pytest.raises(RecordUnreadable, match="damaged"):
        replace(SessionRecord.of(state), document=document).state()
