from dataclasses import replace

import pytest

from domain.audit import AuditAction
from domain.decisions.apply_event import decide_event
from domain.decisions.erase import decide_erasure
from domain.decisions.evict import decide_eviction, is_undelivered
from domain.ids import SessionId
from domain.session.lifecycle import SessionStatus
from domain.session.state import SessionState
from domain.sync.state import SyncFailure, SyncState, SyncStatus
from tests.contract.steps import POLICIES
from tests.factories import at, end, event, persistence_id


def session(ttl_seconds: int = 10) -> SessionState:
    state = decide_event(None, event({"a": 1}, ttl_seconds=ttl_seconds), POLICIES, at(0)).state
    assert state is not None
    return state


def test_an_expired_session_is_removed_and_the_trail_says_so() -> None:
    state = session()

    decision = decide_eviction(state, at(10))

    assert decision.state is None
    (entry,) = decision.audit
    assert entry.action is AuditAction.SESSION_EVICTED
    assert (entry.persistence_id, entry.revision, entry.time) == (state.persistence_id, 1, at(10))


@pytest.mark.parametrize(
    ("sync", "words"),
    [
        (SyncState(status=SyncStatus.PENDING), "undelivered: never delivered to Genesys"),
        (SyncState(status=SyncStatus.PENDING, last_synced=at(1)), "undelivered: not the newest state"),
        (
            SyncState(status=SyncStatus.FAILED, failure=SyncFailure(code="bad.request", reason="no")),
            "undelivered: Genesys refused it (bad.request)",
        ),
        (SyncState(status=SyncStatus.COMPLETED), None),
        (SyncState(status=SyncStatus.DISABLED), None),
    ],
)
def test_one_that_goes_before_genesys_was_told_says_so(sync: SyncState, words: str | None) -> None:
    (entry,) = decide_eviction(replace(session(), sync=sync), at(10)).audit

    assert entry.reason == "; ".join(filter(None, ("its time to live was over", words)))
    assert is_undelivered(entry) == (words is not None)


def test_an_end_without_a_context_is_nothing_to_deliver() -> None:
    state = decide_event(None, end(seconds=0), POLICIES, at(0)).state
    assert state is not None

    assert not any(map(is_undelivered, decide_eviction(state, state.expires_at).audit))


def test_a_session_that_was_renewed_meanwhile_stays() -> None:
    state = session()

    decision = decide_eviction(state, at(9))

    assert decision.state is state
    assert decision.audit == ()


def test_one_that_is_gone_already_is_no_news() -> None:
    decision = decide_eviction(None, at(0))

    assert decision.state is None
    assert decision.audit == ()


def test_the_trace_of_an_erasure_goes_without_a_word() -> None:
    trace = erased(session(), seconds=5)
    assert decide_eviction(trace, at(6)).state is trace

    decision = decide_eviction(trace, trace.expires_at)

    assert decision.state is None
    assert decision.audit == ()


def test_an_erasure_is_remembered_when_the_session_that_began_anew_expires() -> None:
    trace = erased(session(), seconds=5)
    anew = decide_event(trace, event({"b": 1}, ttl_seconds=10), POLICIES, at(6)).state
    assert anew is not None
    assert anew.revision == 1

    left = decide_eviction(anew, at(100)).state

    assert left is not None
    assert left.status is SessionStatus.ERASED
    assert left.context.document == b"{}"
    assert left.lifecycle.erased == trace.lifecycle.erased
    assert left.expires_at == trace.expires_at
    assert decide_eviction(anew, trace.expires_at).state is None


def erased(state: SessionState | None, *, seconds: float) -> SessionState:
    trace = decide_erasure(
        state,
        session_id=SessionId("s"),
        persistence_id=persistence_id(),
        policies=POLICIES,
        now=at(seconds),
    ).state
    assert trace is not None
    return trace
