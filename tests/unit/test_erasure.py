from dataclasses import replace
from datetime import timedelta

from domain.audit import AuditAction
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Decision, Outcome, Policies
from domain.decisions.erase import decide_erasure
from domain.ids import SessionId
from domain.session.event import SessionEvent
from domain.session.lifecycle import SessionStatus
from domain.session.state import SessionState
from domain.session.ttl_policy import TtlPolicy
from domain.sync.state import SyncStatus
from tests.factories import at, end, event, merge, persistence_id

POLICIES = Policies()


def erasure(before: SessionState | None, seconds: float) -> Decision:
    return decide_erasure(
        before,
        session_id=SessionId("s"),
        persistence_id=persistence_id(),
        policies=POLICIES,
        now=at(seconds),
    )


def after(before: SessionState | None, what: SessionEvent, seconds: float) -> SessionState:
    state = decide_event(before, what, POLICIES, at(seconds)).state
    assert state is not None
    return state


def trace(seconds: float = 10) -> SessionState:
    first = event(
        {"a": 1}, seconds=1, ttl_seconds=77, subject_id="who", conversation_id="c", participant_id="p"
    )
    state = erasure(after(None, first, 1), seconds).state
    assert state is not None
    return state


def test_nothing_of_the_session_is_left() -> None:
    state = trace()

    assert state.status is SessionStatus.ERASED
    assert not state.served(at(10))
    assert (state.revision, state.byte_size, state.context.document) == (0, 0, b"{}")
    assert (state.subject_id.value, state.conversation_id.value, state.participant_id) == (None,) * 3
    assert state.sync.status is SyncStatus.COMPLETED
    assert state.sync.due_at is None


def test_the_trail_is_forgotten_but_for_the_erasure() -> None:
    decision = erasure(None, 10)

    assert decision.forgets_audit
    assert [entry.action for entry in decision.audit] == [AuditAction.SESSION_ERASED]
    assert decision.audit[0].persistence_id is None


def test_events_that_are_not_newer_are_as_if_they_had_never_been() -> None:
    before = trace()
    for late in (
        event({"b": 1}, seconds=9, subject_id="who"),
        merge({"b": 1}, seconds=10),
        end(seconds=3),
        event(seconds=-1000),
    ):
        decision = decide_event(before, late, POLICIES, at(20))

        assert decision.outcome is Outcome.SUPERSEDED
        assert decision.state is before
        assert decision.audit == ()


def test_a_newer_event_begins_anew_with_nothing_of_before() -> None:
    decision = decide_event(trace(), merge({"b": 1}, seconds=11), POLICIES, at(20))
    state = decision.state

    assert state is not None
    assert decision.outcome is Outcome.PERSISTED
    assert (state.revision, state.created_at, state.expires_at) == (1, at(20), at(20 + 3600))
    assert state.context.document == b'{"b":1}'
    assert state.subject_id.value is None


def test_an_event_older_than_the_erasure_only_renews_the_session_that_began_anew() -> None:
    anew = after(trace(), merge({"b": 1}, seconds=11), 20)
    told = event({"a": 2}, seconds=5, ttl_seconds=9999, subject_id="who", conversation_id="c")

    decision = decide_event(anew, told, POLICIES, at(30))

    assert decision.outcome is Outcome.SUPERSEDED
    assert decision.state == replace(anew, expires_at=at(30 + 3600))
    (entry,) = decision.audit
    assert entry.action is AuditAction.SESSION_SUPERSEDED
    assert entry.reason == "older than an erasure, or than an end before this session began"


def test_events_ahead_of_our_clock_that_were_taken_in_are_erased_as_well() -> None:
    ahead = after(None, event({"a": 1}, seconds=100), 0)
    state = erasure(ahead, 10).state
    assert state is not None

    assert decide_event(state, event({"a": 1}, seconds=100), POLICIES, at(11)).state is state


def test_the_erasure_outlives_an_expired_session_that_began_anew() -> None:
    anew = after(trace(), event({"b": 1}, seconds=11, ttl_seconds=5), 20)
    assert anew.expired(at(30))

    decision = decide_event(anew, event({"a": 2}, seconds=5), POLICIES, at(30))

    assert decision.outcome is Outcome.SUPERSEDED
    assert decision.state is not None
    assert decision.state.status is SessionStatus.ERASED
    assert [entry.action for entry in decision.audit] == [AuditAction.SESSION_EVICTED]


def test_an_end_after_the_erasure_does_not_shorten_its_memory() -> None:
    ended = after(trace(), end(seconds=11), 20)
    assert ended.status is SessionStatus.ENDED
    assert ended.expired(at(20 + 3600))

    late = decide_event(ended, event({"a": 2}, seconds=5), POLICIES, at(20 + 3600))

    assert late.outcome is Outcome.SUPERSEDED
    assert late.state is not None
    assert late.state.context.document == b"{}"


def test_it_is_forgotten_in_the_end() -> None:
    policies = Policies(ttl=TtlPolicy(erased_seconds=100))
    state = decide_erasure(
        None, session_id=SessionId("s"), persistence_id=persistence_id(), policies=policies, now=at(0)
    ).state
    assert state is not None

    late = decide_event(state, event({"a": 1}, seconds=-1), policies, at(0) + timedelta(seconds=100))

    assert late.outcome is Outcome.PERSISTED


def test_a_second_erasure_never_erases_less() -> None:
    first = trace(seconds=100)
    second = erasure(first, 50).state
    assert second is not None

    assert second.lifecycle.erased == first.lifecycle.erased
    assert second.expires_at == first.expires_at


def test_what_begins_anew_has_the_time_to_live_of_nobody_before_it() -> None:
    anew = after(trace(), event({"b": 1}, seconds=11, ttl_seconds=5), 20)

    again = after(anew, event({"c": 1}, seconds=31), 31)

    assert (again.revision, again.ttl_seconds.value, again.expires_at) == (1, 3600, at(31 + 3600))
