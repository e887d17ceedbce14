from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any
from zlib import crc32

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import msgpack, structs

from adapters.storage.record import READS, WRITES, RecordUnreadable, SessionRecord
from adapters.storage.stored_variables import StoredVariables
from application.errors import StoreUnavailable
from domain.context.compression import packed
from domain.context.lww_map import LwwMap, LwwVariable
from domain.context.variables import canonical_json
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Policies
from domain.ids import ClaimToken, PersistenceId, SessionId
from domain.instants import from_microseconds
from domain.session.lifecycle import ENDS_KEPT_MAX, Lifecycle
from domain.session.state import Participant, SessionState
from domain.stamps import LwwRegister, Stamp
from domain.sync.state import CallInDoubt, SyncFailure, SyncState, SyncStatus
from tests.contract.happenings import examples
from tests.factories import at, event, merge
from tests.storage.ledger_1_writer import Record1

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
    st.builds(LwwVariable, canonical, stamps, st.just(value=False)),
    st.builds(LwwVariable, canonical.map(packed), stamps, st.just(value=True)),
    st.builds(LwwVariable, st.none(), stamps, st.just(value=False)),
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
    delivered_fingerprint=st.none() | texts,
    delivered_expires_at=st.none() | moments,
    last_synced=st.none() | moments,
    participant=st.none() | st.tuples(texts, texts),
    failure=st.none() | failures,
    waiting_since=st.none() | moments,
    refused_fingerprint=st.none() | texts,
    in_doubt=st.none() | st.builds(CallInDoubt, fingerprint=texts, since=moments, until=moments),
)
states = st.builds(
    SessionState,
    session_id=texts.map(SessionId),
    revision=st.integers(0, 10**6),
    persistence_id=texts.map(PersistenceId),
    created_at=moments,
    updated_at=moments,
    expires_at=moments,
    ttl_seconds=st.builds(LwwRegister, st.integers(1, 10**7), stamps),
    context=st.builds(
        LwwMap, entries=st.dictionaries(texts, entries, max_size=6), floor=stamps, horizon=stamps
    ),
    lifecycle=st.builds(
        Lifecycle,
        last_activity=st.none() | stamps,
        ends=st.lists(stamps, max_size=ENDS_KEPT_MAX).map(tuple),
        erased=stamps,
        erased_until=st.none() | moments,
    ),
    conversation_id=st.builds(LwwRegister, st.none() | texts, stamps),
    participant=st.builds(LwwRegister, st.none() | st.builds(Participant, st.none() | texts, texts), stamps),
    subject_id=st.builds(LwwRegister, st.none() | texts, stamps),
    sync=syncs,
)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if abs(value) < 1e308 else 0.5
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return {name: _finite(one) for name, one in value.items()} if isinstance(value, dict) else value


@examples(120)
@given(states)
def test_every_state_comes_back_from_its_record_equal(state: SessionState) -> None:
    record = SessionRecord.of(state)

    assert record.state() == state
    assert SessionRecord.of(record.state()) == record


@examples(100)
@given(states)
def test_every_state_comes_back_from_a_record_of_0_1(state: SessionState) -> None:
    """But for the conversation of its participant, which 0.1 did not write."""
    alone = replace(state, participant=LwwRegister(None, state.participant.stamp))

    old = structs.replace(SessionRecord.of(alone), ledger=Record1.of(alone).ledger)

    assert old.state() == alone
    assert SessionRecord.of(old.state()) == SessionRecord.of(alone)


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
    few, many = (
        decide_event(None, event({f"v{n}": n for n in range(count)}), Policies(), at(0)).state
        for count in (10, 100)
    )
    assert few is not None
    assert many is not None

    assert len(SessionRecord.of(many).ledger) - len(SessionRecord.of(few).ledger) <= 90 + 2


FIXED_BYTES, BYTES_PER_ENTRY = 600, 34
"""A ledger takes at most FIXED_BYTES + what the ids and the sync hold + for each live variable, whatever its
name, BYTES_PER_ENTRY, and for each tombstone BYTES_PER_ENTRY and its name. An entry takes a place and, if no
other shares it, a stamp."""


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
    assert len(ledger) <= (
        FIXED_BYTES
        + BYTES_PER_ENTRY * len(state.context.entries)
        + sum(len(name.encode()) for name in state.context.tombstones)
    )


def written(context: dict[str, Any] | None = None, **fields: Any) -> SessionRecord:
    state = decide_event(None, event(context or {"a": "text", "b": 1}, **fields), Policies(), at(0)).state
    assert state is not None
    return SessionRecord.of(state)


def sealed(record: SessionRecord, change: Callable[[list[Any]], object]) -> SessionRecord:
    """With another body and a checksum that is right."""
    body = msgpack.decode(record.ledger[1:-4])
    change(body)
    plain = record.ledger[:1] + msgpack.encode(body)
    return structs.replace(record, ledger=plain + crc32(plain, crc32(record.document)).to_bytes(4, "little"))


@examples(100)
@given(states, st.data())
def test_whatever_byte_is_damaged_the_record_is_unreadable(state: SessionState, data: st.DataObject) -> None:
    record = SessionRecord.of(state)
    part = data.draw(st.sampled_from(["ledger", "document"]))
    whole: bytes = getattr(record, part)
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, min(len(whole), start + 4)))
    damaged = whole[:start] + data.draw(st.binary(max_size=4)) + whole[stop:]
    assume(damaged != whole)

    with pytest.raises(RecordUnreadable, match="of session"):
        structs.replace(record, **{part: damaged}).state()


@examples(100)
@given(states, states)
def test_a_ledger_with_the_document_of_another_session_is_unreadable(
    one: SessionState, other: SessionState
) -> None:
    assume(one.context.document != other.context.document)

    with pytest.raises(RecordUnreadable, match="damaged"):
        structs.replace(SessionRecord.of(one), document=SessionRecord.of(other).document).state()


Damage = Callable[[list[Any]], object]
DAMAGES: dict[str, Damage] = {
    "nothing": lambda body: body.clear(),
    "a stamp of three parts": lambda body: body[1].append([1, "", 2]),
    "a stamp of one part": lambda body: body[1].append([1]),
    "a place that is not there": lambda body: body.__setitem__(2, 99),
    "a place before the first": lambda body: body.__setitem__(2, -1),
    "a status of the future": lambda body: body[-1].__setitem__(0, "wondering"),
    "a moment that is a text": lambda body: body[-1].__setitem__(1, "soon"),
    "a sync that is no list": lambda body: body.__setitem__(-1, None),
    "a sync cut short": lambda body: body[-1].pop(),
    "a tombstone of what is there": lambda body: body[0][3].update(a=1),
    "too few variables": lambda body: body[0][1].pop(),
    "too many variables": lambda body: body[0][1].append(1),
    "a variable of no event": lambda body: body[0][1].__setitem__(0, 99),
    "variables that are a text": lambda body: body.__setitem__(0, "a b"),
    "a packed variable that is not there": lambda body: body[0][2].append(2),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_wrong_ledger_with_a_right_checksum_is_unreadable_and_nothing_else(damage: str) -> None:
    """Nobody writes one; but if a defect did, it must not be taken for a fault of the service itself."""
    with pytest.raises((RecordUnreadable, StoreUnavailable), match=r"of (a session|session s)"):
        dict(sealed(written(), DAMAGES[damage]).state().context.entries)


@pytest.mark.parametrize(
    "ledger",
    [b"", b"\xff", b"\x02", b"[]", b"null", b"{", b"{}", b'{"n":1}', b'{"n":2}', b'{"n":' + b"[" * 100_000],
)
def test_what_is_no_ledger_is_unreadable(ledger: bytes) -> None:
    with pytest.raises(RecordUnreadable, match="of session s"):
        structs.replace(written(), ledger=ledger).state()


def test_a_ledger_of_a_version_to_come_says_which_it_is_and_which_are_read() -> None:
    record = written()

    with pytest.raises(RecordUnreadable, match=r"session s has .* version 3; .* versions 1 and 2$"):
        structs.replace(record, ledger=b"\x03" + record.ledger[1:]).state()


def test_a_field_that_a_later_release_appends_is_ignored() -> None:
    record = written({"a": 1, "b": [2]}, conversation_id="c", participant_id="p", subject_id="who")

    def append(body: list[Any]) -> None:
        body.append({"of": "0.3"})
        body[0].append(["of", 0.3])
        body[-2].append("of 0.3")

    later = sealed(record, append)
    assert later.ledger != record.ledger
    assert later.state() == record.state()


RELEASES = {"0.1": ({1}, 1), "0.2": ({1, 2}, 2)}
"""Of each release, oldest first: the ledger versions that it reads, and the one that it writes."""


def test_a_version_is_read_one_release_before_any_writes_it() -> None:
    """0.2 is the first to follow the rule: 0.1 could not foresee version 2."""
    releases = list(RELEASES.items())

    assert releases[-1][1] == (set(READS), WRITES)
    for (_, (_, wrote)), (name, (reads, _)) in pairwise(releases):
        assert wrote in reads, f"{name} does not read what the release before it wrote"
    for (name, (reads, _)), (later, (_, writes)) in pairwise(releases[1:]):
        assert writes in reads, f"{name} does not read what {later} writes"


def test_a_record_that_is_read_and_left_alone_is_written_without_a_look_at_its_variables() -> None:
    record = written({"a": 1, "b": {"c": [None]}})
    state = record.state()
    assert isinstance(state.context.entries, StoredVariables)

    again = SessionRecord.of(replace(state, sync=SyncState(status=SyncStatus.DISABLED)))
    assert not state.context.entries.taken_apart
    assert SessionRecord.of(state) == record
    assert again.state().context == state.context
    assert state.context.entries.taken_apart


@examples(100)
@given(states)
def test_stored_variables_are_to_their_readers_what_they_were_to_their_writer(state: SessionState) -> None:
    entries = dict(state.context.entries)

    stored = SessionRecord.of(state).state().context.entries
    assert stored == entries
    assert entries == stored
    assert (
        {**stored}
        == dict(stored.items())
        == dict(zip(stored.keys(), stored.values(), strict=True))
        == entries
    )
    assert list(stored) == [*sorted(state.context.texts), *sorted(state.context.tombstones)]
    assert len(stored) == len(entries)
    assert all(name in stored and stored.get(name) == entry for name, entry in entries.items())
    assert stored.get("no such name") is None
    assert stored != {**entries, "no such name": None}
