"""What Genesys holds of a session, and when it is told."""

from dataclasses import replace
from datetime import datetime, timedelta

from adapters.storage.record import SessionRecord
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Policies
from domain.decisions.sync import (
    decide_claim,
    decide_delivered,
    decide_postponed,
    decide_refused,
    decide_released,
)
from domain.ids import ClaimToken
from domain.session.event import SessionEvent
from domain.session.state import SessionState
from domain.sync.state import CallInDoubt, SyncFailure, SyncReceipt, SyncState, SyncStatus
from tests.factories import at, end, event

POLICIES = Policies()
TARGET = POLICIES.sync.target
FAILURE = SyncFailure(code="c", reason="r", status=400)


def after(state: SessionState | None, what: SessionEvent, seconds: float) -> SessionState:
    decided = decide_event(state, what, POLICIES, at(seconds)).state
    assert decided is not None
    return decided


def claimed(state: SessionState, seconds: float, claim: str = "one") -> SessionState:
    decided = decide_claim(state, token=ClaimToken(claim), policy=POLICIES.sync, now=at(seconds)).state
    assert decided is not None
    assert decided.sync.claim == claim
    return decided


def delivered(
    state: SessionState, seconds: float, claim: str = "one", of: SessionState | None = None
) -> SessionState:
    sent = of or state
    receipt = SyncReceipt(
        fingerprint=sent.fingerprint(TARGET), expires_at=sent.expires_at, synced_at=at(seconds)
    )
    decided = decide_delivered(
        state, token=ClaimToken(claim), receipt=receipt, policy=POLICIES.sync, now=at(seconds)
    ).state
    assert decided is not None
    return decided


def in_doubt(state: SessionState, seconds: float) -> CallInDoubt:
    return CallInDoubt(fingerprint=state.fingerprint(TARGET), since=at(seconds), until=at(seconds + 60))


def completed() -> SessionState:
    return delivered(claimed(after(None, event({"a": 1}), 0), 0), 1)


def due(state: SessionState) -> datetime | None:
    return state.sync.due_at


def test_a_session_keeps_its_place_in_the_queue_when_it_changes_again() -> None:
    first = after(None, event({"a": 1}), 0)
    second = after(first, event({"a": 2}), 10)

    assert due(second) == at(0)
    assert second.sync.waiting_since == at(0)


def test_a_session_that_was_told_goes_to_the_end_of_the_queue_when_it_changed_meanwhile() -> None:
    taken = claimed(after(None, event({"a": 1}), 0), 5)
    changed = after(taken, event({"a": 2}), 6)

    state = delivered(changed, 7, of=taken)

    assert (due(state), state.sync.waiting_since, state.sync.status) == (at(7), at(7), SyncStatus.PENDING)


def test_a_renewal_that_was_due_already_is_not_put_back_by_a_change() -> None:
    state = completed()
    state = replace(state, sync=replace(state.sync, due_at=at(5)))

    assert due(after(state, event({"a": 2}), 10)) == at(5)


def test_an_unchanged_session_that_was_refused_is_not_tried_again() -> None:
    taken = claimed(after(None, event({"a": 1}), 0), 0)
    refused = decide_refused(
        taken,
        token=ClaimToken("one"),
        sent=taken.fingerprint(TARGET),
        failure=FAILURE,
        policy=POLICIES.sync,
        now=at(1),
    ).state
    assert refused is not None
    assert refused.sync.status is SyncStatus.FAILED

    again = after(refused, event({"a": 1}), 2)
    changed = after(refused, event({"a": 2}), 2)

    assert (again.sync.status, due(again)) == (SyncStatus.FAILED, None)
    assert (changed.sync.status, due(changed)) == (SyncStatus.PENDING, at(2))


def test_an_end_changes_nothing_of_what_is_sent_but_the_expiry() -> None:
    state = after(completed(), end(), 2)

    assert (state.sync.status, due(state)) == (SyncStatus.COMPLETED, at(2700))


def test_a_renewed_expiry_is_told_when_a_quarter_of_the_time_is_left() -> None:
    state = after(completed(), event({"a": 1}), 100)

    assert state.sync.status is SyncStatus.COMPLETED
    assert due(state) == at(2700)


def test_a_short_time_to_live_is_renewed_a_minute_ahead_but_not_before_half_of_it() -> None:
    for ttl_seconds, due_at in ((100, 50), (180, 120), (10, 5)):
        first = after(None, event({"a": 1}, ttl_seconds=ttl_seconds), 0)
        state = after(delivered(claimed(first, 0), 1), event({"a": 1}), 2)

        assert due(state) == at(due_at)


def test_a_renewal_does_not_jump_the_queue_by_a_time_long_past() -> None:
    state = delivered(claimed(after(None, event({"a": 1}, ttl_seconds=10), 0), 4), 5)

    longer = after(state, event({"a": 1}, ttl_seconds=2_000_000), 6)

    assert due(longer) == at(5)


def test_a_released_claim_keeps_its_place_and_counts_no_attempt() -> None:
    taken = claimed(after(None, event({"a": 1}), 0), 30)

    state = decide_released(taken, token=ClaimToken("one"), now=at(31)).state

    assert state is not None
    assert (due(state), state.sync.attempts, state.sync.claim) == (at(0), 0, None)


def test_a_foreign_token_changes_nothing() -> None:
    taken = claimed(after(None, event({"a": 1}), 0), 0)
    thief = ClaimToken("thief")

    assert decide_released(taken, token=thief, now=at(1)).state is taken
    assert decide_postponed(taken, token=thief, until=at(9), failure=FAILURE).state is taken
    refused = decide_refused(taken, token=thief, sent="x", failure=FAILURE, policy=POLICIES.sync, now=at(1))
    assert refused.state is taken


def test_a_lost_call_that_may_have_had_an_effect_puts_the_session_in_doubt() -> None:
    done = completed()

    state = decide_postponed(
        done, token=ClaimToken("late"), until=at(9), failure=FAILURE, in_doubt=in_doubt(claimed_other(), 5)
    ).state

    assert state is not None
    assert (state.sync.status, due(state), state.sync.delivered_fingerprint) == (
        SyncStatus.PENDING,
        at(5),
        None,
    )


def claimed_other() -> SessionState:
    return claimed(after(None, event({"a": "other"}), 0), 0)


def test_what_was_told_while_another_call_may_still_come_is_told_once_more_after_it() -> None:
    taken = claimed(after(None, event({"a": 1}), 0), 0)
    failed = decide_postponed(
        taken, token=ClaimToken("one"), until=at(3), failure=FAILURE, in_doubt=in_doubt(taken, 2)
    ).state
    assert failed is not None
    changed = claimed(after(failed, event({"a": 2}), 2.5), 3, "two")

    first = delivered(changed, 4, "two")
    second = delivered(claimed(first, 62, "three"), 63, "three")

    assert (first.sync.status, due(first)) == (SyncStatus.COMPLETED, at(62))
    assert (second.sync.status, due(second)) == (SyncStatus.COMPLETED, None)


def test_doubts_about_different_copies_end_in_one_more_call() -> None:
    one, other = CallInDoubt(fingerprint="a", since=at(1), until=at(9)), in_doubt(claimed_other(), 2)
    state = SyncState(status=SyncStatus.PENDING).put_in_doubt(one).put_in_doubt(other)

    assert state.in_doubt == CallInDoubt(fingerprint="", since=at(2), until=at(62))


def test_every_state_goes_through_a_record_unchanged() -> None:
    taken = claimed(after(None, event({"a": 1}), 0), 0)
    put_in_doubt = replace(taken, sync=taken.sync.put_in_doubt(in_doubt(taken, 3)))
    refused = replace(
        taken, sync=taken.sync.refused(FAILURE, sent="x", changed=False, now=at(1) + timedelta(0))
    )

    for state in (taken, put_in_doubt, refused, completed()):
        assert SessionRecord.of(state).state() == state
