from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit import AuditAction
from domain.context.size_policy import Overflow, SizePolicy
from domain.context.variables import ContextVariables
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Decision, Outcome, Policies
from domain.decisions.evict import decide_eviction
from domain.errors import ContextTooLarge, InvalidEvent, Violation
from domain.session.event import ContextMode, EndingContext, SessionEvent
from domain.session.lifecycle import SessionStatus
from domain.session.state import SessionState
from domain.session.ttl_policy import TtlPolicy
from domain.sync.policy import SyncPolicy, SyncTarget
from domain.sync.state import SyncStatus
from tests.contract.happenings import examples
from tests.factories import at, end, event, merge

POLICIES = Policies()


def decide(
    before: SessionState | None, what: SessionEvent, seconds: float = 20, policies: Policies = POLICIES
) -> tuple[SessionState, Decision]:
    decision = decide_event(before, what, policies, at(seconds))
    assert decision.state is not None
    return decision.state, decision


def after(*events: SessionEvent, policies: Policies = POLICIES) -> SessionState:
    state: SessionState | None = None
    for number, one in enumerate(events):
        state, _ = decide(state, one, 20 + number, policies)
    assert state is not None
    return state


def actions(decision: Decision) -> list[AuditAction]:
    return [entry.action for entry in decision.audit]


# what becomes of the context


def test_a_first_event_is_persisted_as_revision_one() -> None:
    what = event({"b": [1], "a": 1}, seconds=0)

    state, decision = decide(None, what)

    assert decision.outcome is Outcome.PERSISTED
    assert (state.revision, state.persistence_id) == (1, what.persistence_id)
    assert (state.created_at, state.updated_at, state.expires_at) == (at(20), at(20), at(20 + 3600))
    assert state.context.document == b'{"a":1,"b":[1]}'
    assert actions(decision) == [AuditAction.SESSION_PERSISTED]


def test_merging_keeps_what_it_does_not_name_and_removes_what_it_names_null() -> None:
    state = after(event({"a": 1, "b": 2}, seconds=0), merge({"b": None, "c": {"d": None}}, seconds=1))

    assert state.context.document == b'{"a":1,"c":{"d":null}}'


def test_replacing_drops_what_it_does_not_name_and_null_is_a_value() -> None:
    state = after(event({"a": 1, "b": 2}, seconds=0), event({"b": None}, seconds=1))

    assert state.context.document == b'{"b":null}'


def test_an_event_without_context_leaves_it_as_it_is() -> None:
    assert after(event({"a": 1}, seconds=0), event(seconds=1)).context.document == b'{"a":1}'
    assert after(event({"a": 1}, seconds=0), event({}, seconds=1)).context.document == b"{}"


def test_what_this_service_itself_wrote_to_genesys_is_no_change() -> None:
    before = after(event({"a": 1}, seconds=0))
    echo = event({"a": 1, "persistence": {"persistenceId": "x"}, "sk_syncStatus": "completed"}, seconds=1)

    state, decision = decide(before, echo)

    assert decision.outcome is Outcome.UNCHANGED
    assert state.context.document == b'{"a":1}'


def test_an_older_event_fills_in_what_newer_ones_did_not_touch() -> None:
    before = after(merge({"a": 2}, seconds=5))

    state, decision = decide(before, merge({"a": 1, "b": 1}, seconds=3))

    assert decision.outcome is Outcome.PERSISTED
    assert state.context.document == b'{"a":2,"b":1}'


# outcomes


@pytest.mark.parametrize(
    ("again", "outcome"),
    [
        (event({"a": 1}, seconds=5), Outcome.UNCHANGED),
        (event({"a": 1}, seconds=9), Outcome.UNCHANGED),
        (event(seconds=9), Outcome.UNCHANGED),
        (event(seconds=1), Outcome.UNCHANGED),
        (merge({}, seconds=1), Outcome.UNCHANGED),
        (merge({"never there": None}, seconds=9), Outcome.UNCHANGED),
        (event({"a": 0}, seconds=4), Outcome.SUPERSEDED),
        (merge({"a": 0}, seconds=4), Outcome.SUPERSEDED),
        (merge({"a": 1}, seconds=4), Outcome.SUPERSEDED),
        (merge({"a": None}, seconds=4), Outcome.SUPERSEDED),
        (event({}, seconds=4), Outcome.SUPERSEDED),
    ],
)
def test_what_changes_nothing_or_is_too_late_only_renews_the_time_to_live(
    again: SessionEvent, outcome: Outcome
) -> None:
    before = after(event({"a": 1}, seconds=5))

    state, decision = decide(before, again, 100)

    assert decision.outcome is outcome
    assert (state.revision, state.persistence_id) == (1, before.persistence_id)
    assert (state.updated_at, state.expires_at) == (before.updated_at, at(100 + 3600))
    assert state.context.document == before.context.document
    assert actions(decision) == [AuditAction(f"SESSION_{outcome.name}")]


def test_a_change_raises_the_revision_and_takes_a_new_persistence_id() -> None:
    change = merge({"a": 2}, seconds=6)

    state, _ = decide(after(event({"a": 1}, seconds=5)), change)

    assert (state.revision, state.persistence_id) == (2, change.persistence_id)


# the end


def test_an_end_keeps_the_context_readable_for_its_grace() -> None:
    policies = Policies(ttl=TtlPolicy(ended_seconds_max=60))
    before = after(event({"a": 1}, seconds=0), policies=policies)

    state, decision = decide(before, end(seconds=1), 30, policies)

    assert decision.outcome is Outcome.ENDED
    assert state.status is SessionStatus.ENDED
    assert state.served(at(89))
    assert state.expires_at == at(90)
    assert (state.revision, state.persistence_id) == (2, before.persistence_id)
    assert state.context.document == b'{"a":1}'
    assert actions(decision) == [AuditAction.SESSION_ENDED]


def test_the_end_of_an_unknown_session_is_remembered_but_not_served() -> None:
    state, decision = decide(None, replace(end(seconds=0), event_type="session-expired"))

    assert decision.outcome is Outcome.ENDED
    assert not state.served(at(20))
    assert state.byte_size == 0
    assert state.sync.due_at is None


def test_a_repeated_end_is_answered_alike_and_raises_nothing() -> None:
    before = after(event({"a": 1}, seconds=0), end(seconds=1))

    state, decision = decide(before, end(seconds=1))

    assert decision.outcome is Outcome.ENDED
    assert state.revision == before.revision
    assert actions(decision) == [AuditAction.SESSION_UNCHANGED]


def test_activity_older_than_the_end_is_kept_but_does_not_reopen() -> None:
    before = after(event({"a": 1}, seconds=0), end(seconds=5))

    state, decision = decide(before, merge({"b": 2}, seconds=4))

    assert decision.outcome is Outcome.SUPERSEDED
    assert state.status is SessionStatus.ENDED
    assert (state.revision, state.persistence_id) == (before.revision, before.persistence_id)
    assert state.context.document == b'{"a":1,"b":2}'
    assert decision.audit[0].reason == "older than the end, its variables were kept"


def test_activity_after_the_end_starts_again_with_nothing_but_its_own() -> None:
    before = after(event({"a": 1}, seconds=0), end(seconds=5))

    state, decision = decide(before, merge({"b": 2}, seconds=6), 50)

    assert decision.outcome is Outcome.PERSISTED
    assert state.status is SessionStatus.PERSISTED
    assert (state.revision, state.created_at) == (before.revision + 1, at(50))
    assert state.context.document == b'{"b":2}'


def test_a_late_end_removes_only_what_is_older_than_itself() -> None:
    before = after(merge({"old": 1}, seconds=1), merge({"new": 1}, seconds=9))

    state, decision = decide(before, end(seconds=5))

    assert decision.outcome is Outcome.PERSISTED
    assert state.status is SessionStatus.PERSISTED
    assert state.context.document == b'{"new":1}'
    assert decision.audit[0].reason == "newer activity had already started the session again"
    _, again = decide(state, end(seconds=5))
    assert again.outcome is Outcome.SUPERSEDED


# times


def test_an_event_without_a_time_happened_when_it_arrived() -> None:
    before = after(merge({"a": 1}, seconds=19))

    state, _ = decide(before, merge({"a": 2}), 20)

    assert state.context.document == b'{"a":2}'
    assert state.lifecycle.last_activity is not None
    assert state.lifecycle.last_activity.microseconds == at(20).timestamp() * 1_000_000


def test_a_time_to_come_is_clamped_and_the_trail_says_so() -> None:
    state, decision = decide(None, event({"a": 1}, seconds=20 + 301))

    assert state.lifecycle.last_activity is not None
    assert state.lifecycle.last_activity.microseconds == at(20 + 300).timestamp() * 1_000_000
    reason = decision.audit[0].reason
    assert reason == "occurredAt 2026-01-01T12:05:21.000Z clamped to 2026-01-01T12:05:20.000Z"


def test_a_time_just_ahead_of_our_clock_is_believed() -> None:
    _, decision = decide(None, event({"a": 1}, seconds=20 + 300))

    assert decision.audit[0].reason is None


def test_an_expired_record_starts_afresh_and_the_trail_says_so() -> None:
    before = after(event({"a": 1}, seconds=1, ttl_seconds=10, subject_id="who"))
    evicted = before.persistence_id

    state, decision = decide(before, merge({"b": 2}, seconds=0.5), 31)

    assert actions(decision) == [AuditAction.SESSION_EVICTED, AuditAction.SESSION_PERSISTED]
    assert decision.audit[0].persistence_id == evicted
    assert (state.revision, state.ttl_seconds.value, state.subject_id.value) == (1, 3600, None)
    assert state.context.document == b'{"b":2}'


KEEPING = Policies(ending_context=EndingContext.KEEP)


def test_the_context_of_an_end_is_ignored_and_the_answer_and_the_trail_say_so() -> None:
    before = after(event({"a": 1}, seconds=0))

    state, decision = decide(before, end(context={"b": 1}, seconds=1))

    assert decision.context_ignored
    assert decision.audit[0].reason == "the context of an ending event was ignored"
    assert state.context.document == b'{"a":1}'


@pytest.mark.parametrize("context", [None, {}, {"persistence": {}}])
def test_an_end_that_brings_nothing_of_its_own_has_nothing_ignored(context: dict[str, object] | None) -> None:
    _, decision = decide(after(event({"a": 1}, seconds=0)), end(context=context, seconds=1))

    assert not decision.context_ignored
    assert decision.audit[0].reason is None


def test_the_context_of_an_end_is_kept_where_the_policy_says_so() -> None:
    before = after(event({"a": 1}, seconds=0), policies=KEEPING)
    what = end(context={"b": 2}, context_mode=ContextMode.MERGE, seconds=1)

    state, decision = decide(before, what, policies=KEEPING)

    assert (decision.outcome, decision.context_ignored) == (Outcome.ENDED, False)
    assert (state.status, state.revision, state.persistence_id) == ("ended", 2, what.persistence_id)
    assert state.context.document == b'{"a":1,"b":2}'
    again, decision = decide(state, what, policies=KEEPING)
    assert (again.revision, actions(decision)) == (2, [AuditAction.SESSION_UNCHANGED])
    restarted, _ = decide(state, merge({"c": 3}, seconds=2), policies=KEEPING)
    assert restarted.context.document == b'{"c":3}'


def test_what_an_unknown_session_ends_with_is_served_where_it_is_kept() -> None:
    kept, _ = decide(None, end(context={"a": 1}, seconds=1), policies=KEEPING)
    ignored, _ = decide(None, end(context={"a": 1}, seconds=1))

    assert (kept.served(at(20)), kept.sync.status) == (True, SyncStatus.PENDING)
    assert not ignored.served(at(20))


def test_an_end_whose_kept_context_is_too_large_is_refused_as_a_whole() -> None:
    tight = Policies(size=SizePolicy(context_byte_size_max=20), ending_context=EndingContext.KEEP)
    before = after(event({"a": 1}, seconds=0), policies=tight)

    decision = decide_event(before, end(context={"b": "x" * 50}, seconds=1), tight, at(30))

    assert isinstance(decision.refusal, ContextTooLarge)
    assert decision.state is before


def test_an_end_is_remembered_after_its_session_has_expired() -> None:
    """An end with `ttlSeconds` 60 was forgotten after 60 s, and an older event revived the session."""
    before = after(event({"a": 1}, seconds=0, subject_id="who"), end(seconds=1, ttl_seconds=60))
    assert before.expires_at == at(81)

    state, decision = decide(before, merge({"b": 2}, seconds=0.5), 81)

    assert decision.outcome is Outcome.SUPERSEDED
    assert actions(decision) == [AuditAction.SESSION_EVICTED, AuditAction.SESSION_SUPERSEDED]
    assert decision.audit[1].reason == "the session has ended and expired"
    assert not state.served(at(81))
    assert (state.context.document, state.subject_id.value) == (b"{}", None)
    assert state.expires_at == at(1 + POLICIES.ttl.tombstone_seconds)


def ended_and_expired() -> SessionState:
    ended = after(event({"a": 1}, seconds=0), end(seconds=1, ttl_seconds=60))
    state = decide_eviction(ended, at(81)).state
    assert state is not None
    assert state.lifecycle.is_tombstone
    return state


def test_an_event_newer_than_a_remembered_end_begins_afresh() -> None:
    state, decision = decide(ended_and_expired(), merge({"b": 2}, seconds=90), 100)

    assert decision.outcome is Outcome.PERSISTED
    assert (state.status, state.revision, state.ttl_seconds.value) == (SessionStatus.PERSISTED, 1, 3600)
    assert (state.created_at, state.context.document) == (at(100), b'{"b":2}')
    late, decision = decide(state, merge({"c": 3}, seconds=0.5), 101)
    assert decision.outcome is Outcome.SUPERSEDED
    assert late.context.document == b'{"b":2}'


def test_a_remembered_end_that_is_told_again_is_an_end_and_changes_nothing() -> None:
    tombstone = ended_and_expired()

    state, decision = decide(tombstone, end(seconds=1, ttl_seconds=60), 100)

    assert decision.outcome is Outcome.ENDED
    assert actions(decision) == [AuditAction.SESSION_UNCHANGED]
    assert state is tombstone


def test_an_end_newer_than_a_remembered_one_is_remembered_in_its_place() -> None:
    state, decision = decide(ended_and_expired(), end(seconds=90), 100)

    assert decision.outcome is Outcome.ENDED
    assert actions(decision) == [AuditAction.SESSION_ENDED]
    assert not state.served(at(100))
    left = decide_eviction(state, state.expires_at).state
    assert left is not None
    assert left.expires_at == at(90 + POLICIES.ttl.tombstone_seconds)


def test_a_remembered_end_is_forgotten_in_its_time_without_a_word() -> None:
    tombstone = ended_and_expired()

    decision = decide_eviction(tombstone, tombstone.expires_at)

    assert (decision.state, decision.audit) == (None, ())


# time to live


def test_the_newest_event_that_names_a_time_to_live_decides_it() -> None:
    before = after(event({"a": 1}, seconds=5, ttl_seconds=100))

    older, _ = decide(before, merge({"b": 1}, seconds=4, ttl_seconds=9000), 30)
    newer, _ = decide(before, merge({"b": 1}, seconds=6, ttl_seconds=10), 30)

    assert (older.ttl_seconds.value, older.expires_at) == (100, at(130))
    assert (newer.ttl_seconds.value, newer.expires_at) == (10, at(40))


def test_a_renewal_never_shortens() -> None:
    before = after(event({"a": 1}, seconds=0))

    state, _ = decide(before, event({"a": 1}, seconds=0), 10)

    assert state.expires_at == before.expires_at


def test_ids_are_those_of_the_newest_event_that_names_them() -> None:
    before = after(event(seconds=5, subject_id="who", conversation_id="c", participant_id="p"))

    state, _ = decide(before, event(seconds=6))
    state, _ = decide(state, event(seconds=4, conversation_id="c0", participant_id="p0", subject_id="x"))

    ids = (state.subject_id.value, state.conversation_id.value, state.participant_id)
    assert ids == ("who", "c", "p")


def test_a_participant_does_not_follow_its_session_into_another_conversation() -> None:
    """It was written to in the new conversation, where Genesys does not know it: 404, failed for good."""
    attributes = Policies(sync=SyncPolicy(target=SyncTarget.PARTICIPANT_ATTRIBUTES))
    before = decide_event(
        None, event(seconds=5, conversation_id="c", participant_id="p"), attributes, at(10)
    ).state
    assert before is not None
    assert before.copy(SyncTarget.PARTICIPANT_ATTRIBUTES).participant_id == "p"

    moved = decide_event(before, event(seconds=6, conversation_id="c2"), attributes, at(10)).state

    assert moved is not None
    copy = moved.copy(SyncTarget.PARTICIPANT_ATTRIBUTES)
    assert (copy.conversation_id, copy.participant_id, copy.participant_found) == ("c2", None, True)
    assert copy.fingerprint != before.copy(SyncTarget.PARTICIPANT_ATTRIBUTES).fingerprint


def test_a_participant_stays_while_its_conversation_is_named_again() -> None:
    state = after(event(seconds=5, conversation_id="c", participant_id="p"))

    state, _ = decide(state, event(seconds=6, conversation_id="c"))

    assert state.participant_id == "p"


def test_a_participant_without_a_conversation_is_of_the_one_at_the_time() -> None:
    state = after(event(seconds=5, conversation_id="c"))

    state, _ = decide(state, event(seconds=6, participant_id="p"))
    moved, _ = decide(state, event(seconds=7, conversation_id="c2"))

    assert (state.conversation_id.value, state.participant_id) == ("c", "p")
    assert (moved.conversation_id.value, moved.participant_id) == ("c2", None)


pairs = st.tuples(st.sampled_from([None, "c1", "c2"]), st.sampled_from([None, "p1", "p2"]))


@examples(200)
@given(st.lists(pairs, min_size=1, max_size=5), st.data())
def test_conversation_and_participant_are_the_same_pair_in_any_order(
    told: list[tuple[str | None, str | None]], data: st.DataObject
) -> None:
    events = [
        event(seconds=place, conversation_id=conversation, participant_id=participant)
        for place, (conversation, participant) in enumerate(told)
    ]
    in_order = after(*events)

    arrivals = data.draw(st.permutations([*events, *data.draw(st.lists(st.sampled_from(events)))]))
    state = after(*arrivals)

    assert (state.conversation_id, state.participant) == (in_order.conversation_id, in_order.participant)
    assert state.participant_id == in_order.participant_id
    assert state.conversation_id.value == next((c for c, _ in reversed(told) if c), None)
    named_for = {c for c, p in told if p is not None and p == state.participant_id}
    assert state.participant_id is None or named_for & {None, state.conversation_id.value}


@pytest.mark.parametrize("overflow", [Overflow.REJECT, Overflow.PRUNE])
def test_what_was_removed_or_pruned_is_remembered_within_bytes(overflow: Overflow) -> None:
    """250 pruned names of 250 bytes each stood in the record for as long as it lived."""
    names = [f"{n:03}" + "x" * 247 for n in range(250)]
    rules = Policies(size=SizePolicy(context_byte_size_max=400, overflow=overflow), tombstone_bytes_max=1000)
    value = 1 if overflow is Overflow.PRUNE else None

    state = after(
        merge({"keep": 1}, seconds=1), merge(dict.fromkeys(names, value), seconds=2), policies=rules
    )

    assert len(state.context.tombstones) == 1000 // 252
    assert state.context.horizon == merge(dict.fromkeys(names, value), seconds=2).stamp
    later, decision = decide(state, merge({names[0]: 1}, seconds=1.5), policies=rules)
    assert decision.outcome is Outcome.SUPERSEDED
    assert later.context.texts == state.context.texts


# refusals


def test_a_refused_event_changes_nothing_but_the_trail() -> None:
    before = after(event({"a": 1}, seconds=0))
    too_long = event({"a": 1}, seconds=9, ttl_seconds=0)

    decision = decide_event(before, too_long, POLICIES, at(30))

    assert decision.state is before
    assert isinstance(decision.refusal, InvalidEvent)
    (entry,) = decision.audit
    assert entry.action is AuditAction.SESSION_PERSISTENCE_FAILURE
    assert (entry.persistence_id, entry.revision) == (before.persistence_id, 1)
    assert entry.reason == "/ttlSeconds: out_of_range"


def test_it_is_the_merged_context_that_is_measured() -> None:
    policies = Policies(size=SizePolicy(context_byte_size_max=30))
    before = after(merge({"a": "x" * 10}, seconds=0), policies=policies)

    decision = decide_event(before, merge({"b": "x" * 10}, seconds=1), policies, at(30))

    assert decision.state is before
    assert isinstance(decision.refusal, ContextTooLarge)
    smaller, _ = decide(before, merge({"b": "x" * 10, "a": None}, seconds=1), policies=policies)
    assert smaller.context.texts.keys() == {"b"}


def test_too_many_variables_are_refused() -> None:
    policies = Policies(variables_max=3)
    before = after(merge(dict.fromkeys("abc", 1), seconds=0), policies=policies)

    decision = decide_event(before, merge({"d": 1}, seconds=1), policies, at(30))

    assert isinstance(decision.refusal, InvalidEvent)
    assert decision.refusal.violations[0].code == "too_many_variables"


def test_the_schema_is_asked_about_the_merged_context_when_it_changes() -> None:
    asked: list[bytes] = []

    def schema(document: bytes) -> tuple[Violation, ...]:
        asked.append(document)
        return (Violation("/context/b", "type", "no"),) if b'"b"' in document else ()

    policies = Policies(schema=schema)
    before = after(merge({"a": 1}, seconds=0), policies=policies)
    decide(before, merge({"a": 1}, seconds=0), policies=policies)
    decision = decide_event(before, merge({"b": 1}, seconds=1), policies, at(30))

    assert asked == [b'{"a":1}', b'{"a":1,"b":1}']
    assert isinstance(decision.refusal, InvalidEvent)


# tombstones and sync


def test_tombstones_are_bounded_in_number_and_age() -> None:
    policies = Policies(tombstones_max=2, ttl=TtlPolicy(tombstone_seconds=100))
    state = after(*(merge({f"v{n}": None}, seconds=n) for n in range(4)), policies=policies)
    assert state.context.tombstones.keys() == {"v2", "v3"}
    assert state.context.horizon.microseconds == at(1).timestamp() * 1_000_000

    aged, _ = decide(state, event(seconds=103), 103, policies)

    assert aged.context.tombstones.keys() == {"v3"}
    late, decision = decide(aged, merge({"v2": "back"}, seconds=1.5), 104, policies)
    assert decision.outcome is Outcome.SUPERSEDED
    assert late.context.texts == {}


def test_a_change_is_due_for_sync_at_once_and_a_repetition_is_not() -> None:
    state, _ = decide(None, event({"a": 1}, seconds=0), 20)
    assert (state.sync.status, state.sync.due_at) == (SyncStatus.PENDING, at(20))

    told = replace(
        state.sync,
        status=SyncStatus.COMPLETED,
        due_at=None,
        delivered_fingerprint=state.fingerprint(POLICIES.sync.target),
        delivered_expires_at=state.expires_at,
    )
    repeated, _ = decide(replace(state, sync=told), event({"a": 1}, seconds=0), 21)
    changed, _ = decide(replace(state, sync=told), event({"a": 2}, seconds=1), 21)

    assert repeated.sync.status is SyncStatus.COMPLETED
    assert (changed.sync.status, changed.sync.due_at) == (SyncStatus.PENDING, at(21))


def test_without_a_target_nothing_is_ever_due() -> None:
    policies = Policies(sync=SyncPolicy(target=SyncTarget.NONE))

    state, _ = decide(None, event({"a": 1}), policies=policies)

    assert (state.sync.status, state.sync.due_at) == (SyncStatus.DISABLED, None)


def test_two_events_that_say_the_same_have_the_same_stamp_whatever_their_persistence_id() -> None:
    one, other = merge({"a": 1, "b": 2}, seconds=0), merge({"b": 2, "a": 1}, seconds=0)

    assert one.persistence_id != other.persistence_id
    assert one.stamp == other.stamp
    assert one.stamp != replace(one, subject_id="who").stamp
    assert one.stamp != replace(one, context=ContextVariables.from_json({"a": 1})).stamp


def test_at_one_and_the_same_time_an_end_comes_last_and_a_merge_after_what_replaces() -> None:
    for order in permutations([event({"a": 1}, seconds=5), merge({"b": 2}, seconds=5), end(seconds=5)]):
        state = after(*order)

        assert state.status is SessionStatus.ENDED
        assert state.context.document == b'{"a":1,"b":2}'
