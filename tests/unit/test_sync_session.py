"""Telling Genesys of one session: lease, token, and how it ends."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.memory.store import MemorySessionStore
from application.errors import (
    GenesysError,
    GenesysMisconfigured,
    GenesysRefused,
    GenesysUnavailable,
    StoreUnavailable,
)
from application.sync.outcome import Ending
from domain.audit import AuditAction
from domain.decisions.decision import Decide, Decision
from domain.decisions.sync import decide_delivered
from domain.ids import ClaimToken, SessionId
from domain.session.state import SessionState
from domain.sync.session_copy import SessionCopy
from domain.sync.state import SyncFailure, SyncReceipt, SyncStatus
from tests.contract.steps import due
from tests.simulation.bench import Bench, bench
from tests.simulation.virtual_loop import in_virtual_time

FAILURE = SyncFailure(code="some.code", reason="a reason", status=503)
BUSY = SyncFailure(code="too.many.requests", reason="too many", status=429)


def raising(error: Exception) -> Callable[[SessionCopy], None]:
    def react(_: SessionCopy) -> None:
        raise error

    return react


@in_virtual_time
async def test_a_session_that_is_due_is_told_and_no_longer_due() -> None:
    b = bench()
    await b.change()
    attempt = await b.attempt()

    state = await b.state()
    assert attempt.state == state
    assert state.sync.status is SyncStatus.COMPLETED
    assert (state.sync.due_at, state.sync.claim, state.sync.waiting_since) == (None, None, None)
    assert state.sync.delivered_fingerprint == b.gateway.told[0].fingerprint
    assert b.metrics.noted == ["sync delivered"]
    assert b.in_flight == 0


@in_virtual_time
async def test_a_session_that_is_not_due_is_not_told_and_the_call_is_given_back() -> None:
    b = bench()
    await b.change()
    await b.attempt()
    attempt = await b.attempt()
    unknown = await b.attempt("unknown")

    assert not attempt.claimed
    assert not unknown.claimed
    assert len(b.gateway.told) == 1
    assert b.in_flight == 0


@in_virtual_time
async def test_two_that_want_the_same_session_make_one_call() -> None:
    b = bench()
    await b.change()
    attempts = await asyncio.gather(b.attempt(), b.attempt())

    assert sorted(attempt.claimed for attempt in attempts) == [False, True]
    assert len(b.gateway.told) == 1
    assert b.in_flight == 0


@in_virtual_time
async def test_a_change_during_the_call_leaves_the_session_due() -> None:
    b = bench()
    await b.change()
    task = asyncio.create_task(b.attempt())
    await asyncio.sleep(0.05)
    await b.change()
    await task

    state = await b.state()
    assert state.sync.status is SyncStatus.PENDING
    assert state.sync.due_at == b.clock.now()
    await b.attempt()
    assert (await b.state()).sync.status is SyncStatus.COMPLETED
    assert [copy.fingerprint for copy in b.gateway.told][-1] == (await b.state()).sync.delivered_fingerprint


@in_virtual_time
async def test_a_change_during_the_call_that_tells_a_renewal_does_not_bring_a_second_call_beside_it() -> None:
    b = bench()
    await b.change(ttl_seconds=100)
    await b.attempt()
    await asyncio.sleep(60)
    await b.store.update(SessionId("s"), _renewed(b))
    assert (await b.state()).sync.status is SyncStatus.COMPLETED
    task = asyncio.create_task(b.attempt())
    await asyncio.sleep(0.05)
    await b.change()

    assert not (await b.attempt()).claimed
    await task
    assert (await b.attempt()).claimed


def _renewed(b: Bench) -> Decide:
    def decide(before: SessionState | None) -> Decision:
        assert before is not None
        expires_at = b.clock.now() + timedelta(seconds=100)
        sync = before.sync.after_renewal(expires_at, 100, 0.25)
        return Decision(state=replace(before, expires_at=expires_at, sync=sync))

    return decide


@in_virtual_time
async def test_a_refused_session_has_failed_until_it_changes() -> None:
    b = bench()
    await b.change()
    b.gateway.react = raising(GenesysRefused(FAILURE))
    attempt = await b.attempt()

    assert attempt.outcome.ending is Ending.REFUSED
    state = await b.state()
    assert (state.sync.status, state.sync.due_at) == (SyncStatus.FAILED, None)
    assert state.sync.failure == FAILURE
    trail = (await b.store.audit_trail(SessionId("s"), after=None, limit=9)).entries
    assert trail[-1].action is AuditAction.SESSION_SYNC_FAILED
    assert "some.code" in (trail[-1].reason or "")
    b.gateway.react = raising(GenesysRefused(FAILURE))
    await b.change()
    assert (await b.state()).sync.status is SyncStatus.PENDING


@in_virtual_time
async def test_a_session_that_changed_while_its_copy_was_refused_is_due_again() -> None:
    b = bench()
    await b.change()
    b.gateway.react = raising(GenesysRefused(FAILURE))
    task = asyncio.create_task(b.attempt())
    await asyncio.sleep(0.05)
    await b.change()
    await task

    assert (await b.state()).sync.status is SyncStatus.PENDING
    assert (await b.state()).sync.due_at == b.clock.now()


@in_virtual_time
async def test_failures_that_may_pass_wait_ever_longer_up_to_a_bound() -> None:
    b = bench()
    await b.change()
    b.gateway.react = raising(GenesysUnavailable(FAILURE, outage=False))
    waits = []
    for _ in range(9):
        await b.attempt()
        state = await b.state()
        assert state.sync.due_at is not None
        assert state.sync.status is SyncStatus.PENDING
        waits.append((state.sync.due_at - b.clock.now()).total_seconds())
        await asyncio.sleep(waits[-1])

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert b.in_flight == 0


@pytest.mark.parametrize(("asked", "waits"), [(30.0, 30.0), (0.0, 1.0), (None, 1.0)])
@in_virtual_time
async def test_no_attempt_is_made_earlier_than_genesys_asked(asked: float | None, waits: float) -> None:
    b = bench()
    await b.change()
    b.gateway.react = raising(GenesysUnavailable(BUSY, retry_seconds=asked, outage=False))
    await b.attempt()

    state = await b.state()
    assert state.sync.due_at == b.clock.now() + timedelta(seconds=waits)


@in_virtual_time
async def test_misconfiguration_leaves_the_session_due() -> None:
    b = bench()
    await b.change()
    b.gateway.react = raising(GenesysMisconfigured(FAILURE))
    attempt = await b.attempt()

    assert attempt.outcome.ending is Ending.MISCONFIGURED
    assert (await b.state()).sync.status is SyncStatus.PENDING
    assert b.metrics.noted == ["sync misconfigured"]


@in_virtual_time
async def test_a_lost_lease_leaves_the_session_due_when_its_copy_is_not_the_newest() -> None:
    b = bench()
    await b.change()
    task = asyncio.create_task(b.attempt())
    await asyncio.sleep(0.05)
    newest = await b.change()
    await b.steal()
    await _finish_as_thief(b)
    assert (await b.state()).sync.status is SyncStatus.COMPLETED
    await task

    state = await b.state()
    assert (state.sync.status, state.sync.due_at) == (SyncStatus.PENDING, b.clock.now())
    assert "sync lease_lost" in b.metrics.noted
    await b.attempt()
    assert (await b.state()).sync.status is SyncStatus.COMPLETED
    assert b.gateway.told[-1].persistence_id == newest.persistence_id


@in_virtual_time
async def test_a_lost_lease_does_no_harm_when_its_copy_is_the_newest() -> None:
    b = bench()
    await b.change()
    task = asyncio.create_task(b.attempt())
    await asyncio.sleep(0.05)
    await b.steal()
    await _finish_as_thief(b)
    before = await b.state()
    await task

    assert await b.state() == before
    assert "sync lease_lost" in b.metrics.noted


@in_virtual_time
async def test_a_call_in_doubt_does_not_bring_a_second_call_beside_the_one_under_way() -> None:
    b = bench()
    await b.change()
    task = asyncio.create_task(b.attempt())
    await asyncio.sleep(0.05)
    await b.change()
    await b.steal()
    await task

    assert (await b.state()).sync.claim == "thief"
    assert not (await b.attempt()).claimed
    await _finish_as_thief(b)
    assert (await b.state()).sync.due_at == b.clock.now()
    await b.attempt()
    assert (await b.state()).sync.status is SyncStatus.COMPLETED
    assert (await b.state()).sync.due_at is None


async def _finish_as_thief(b: Bench) -> None:
    state = await b.state()
    copy = state.copy(b.policies.sync.target)
    receipt = SyncReceipt(fingerprint=copy.fingerprint, expires_at=copy.expires_at, synced_at=b.clock.now())
    await MemorySessionStore.update(
        b.store,
        SessionId("s"),
        lambda before: decide_delivered(
            before,
            token=ClaimToken("thief"),
            receipt=receipt,
            policy=b.policies.sync,
            now=b.clock.now(),
        ),
    )


@in_virtual_time
async def test_an_answer_that_was_lost_is_made_good_when_the_session_changed_before_the_next() -> None:
    b = bench()
    await b.change()
    b.gateway.react = raising(GenesysUnavailable(FAILURE))
    await b.attempt()
    b.gateway.react = lambda _: None
    await b.change()
    await asyncio.sleep(1)
    await b.attempt()

    told = (await b.state()).sync
    assert told.status is SyncStatus.COMPLETED
    assert told.due_at is not None
    assert told.due_at > b.clock.now() + timedelta(seconds=50)
    await asyncio.sleep(60)
    await b.attempt()
    assert (await b.state()).sync.due_at is None
    assert len(b.gateway.told) == 3


@in_virtual_time
async def test_an_answer_that_was_lost_costs_no_call_when_the_session_did_not_change() -> None:
    b = bench()
    await b.change()
    b.gateway.react = raising(GenesysUnavailable(FAILURE))
    await b.attempt()
    b.gateway.react = lambda _: None
    await asyncio.sleep(1)
    await b.attempt()

    assert (await b.state()).sync.due_at is None


@in_virtual_time
async def test_a_claim_that_took_half_of_its_lease_is_given_back_without_a_call() -> None:
    b = bench()
    await b.change()
    b.store.troubles.seconds = 31
    attempt = await b.attempt()

    assert not attempt.claimed
    assert b.gateway.told == []
    assert (await b.state()).sync.claim is None
    assert b.in_flight == 0


@in_virtual_time
async def test_a_call_that_takes_as_long_as_its_lease_is_given_up_and_noted() -> None:
    b = bench(seconds=1000)
    await b.change()
    attempt = await b.attempt()

    assert attempt.outcome.failure is not None
    assert attempt.outcome.failure.code == "lease.over"
    state = await b.state()
    assert (state.sync.claim, state.sync.status) == (None, SyncStatus.PENDING)
    assert asyncio.get_running_loop().time() == pytest.approx(54)
    assert b.in_flight == 0


@in_virtual_time
async def test_a_store_that_fails_in_the_claim_costs_no_call() -> None:
    b = bench()
    await b.change()
    b.store.troubles.away = True
    with pytest.raises(StoreUnavailable):
        await b.attempt()

    assert b.gateway.told == []
    assert b.in_flight == 0


@in_virtual_time
async def test_a_record_that_cannot_be_read_costs_no_call() -> None:
    b = bench()
    b.store.troubles.of_session["s"] = ValueError("damaged")
    with pytest.raises(ValueError, match="damaged"):
        await b.attempt()

    assert b.in_flight == 0


@in_virtual_time
async def test_what_is_known_of_genesys_is_noted_even_if_the_store_stumbles() -> None:
    b = bench()
    await b.change()
    task = asyncio.create_task(b.attempt())
    await asyncio.sleep(0.05)
    b.store.troubles.fail_next_updates = 2
    attempt = await task

    assert attempt.fault is None
    assert (await b.state()).sync.status is SyncStatus.COMPLETED


@pytest.mark.parametrize("error", [None, GenesysUnavailable(FAILURE), GenesysRefused(FAILURE)])
@in_virtual_time
async def test_what_cannot_be_noted_at_all_is_done_again_after_the_lease(
    error: GenesysError | None,
) -> None:
    b = bench()
    await b.change()
    if error is not None:
        b.gateway.react = raising(error)
    task = asyncio.create_task(b.attempt())
    await asyncio.sleep(0.05)
    b.store.troubles.away = True
    attempt = await task
    assert attempt.fault is not None
    assert attempt.outcome.failure == (None if error is None else error.failure)
    b.store.troubles.away = False
    b.gateway.react = lambda _: None
    await asyncio.sleep(60)
    await b.attempt()

    assert (await b.state()).sync.status is SyncStatus.COMPLETED
    assert b.in_flight == 0


@in_virtual_time
async def test_a_fault_of_our_own_postpones_the_session_and_shows_no_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    b = bench()
    await b.change()
    b.gateway.react = raising(ValueError("value-of-a-customer"))
    attempt = await b.attempt()

    assert attempt.outcome.failure is not None
    assert attempt.outcome.failure.code == "fault.ValueError"
    assert "value-of-a-customer" not in str(attempt.outcome)
    assert (await b.state()).sync.status is SyncStatus.PENDING
    assert "value-of-a-customer" not in caplog.text
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


@pytest.mark.parametrize("cancel_at", [step * 0.05 for step in range(14)])
@pytest.mark.parametrize("store_seconds", [0.0, 0.2])
@in_virtual_time
async def test_an_attempt_that_is_cancelled_wherever_it_waits_gives_back_claim_and_call(
    cancel_at: float, store_seconds: float
) -> None:
    b = bench()
    await b.change()
    b.store.troubles.seconds = store_seconds
    task = asyncio.create_task(b.attempt())
    await asyncio.sleep(cancel_at)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    state = await b.state()
    assert state.sync.claim is None
    assert state.sync.due_at is None or state.sync.due_at <= b.clock.now()
    assert b.in_flight == 0


@in_virtual_time
async def test_a_release_keeps_the_place_in_the_queue() -> None:
    b = bench()
    changed = await b.change()
    await asyncio.sleep(5)
    task = asyncio.create_task(b.attempt())
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    state = await b.state()
    assert state.sync.due_at == changed.updated_at
    assert state.sync.attempts == 0


@in_virtual_time
async def test_a_session_that_was_erased_during_the_call_stays_erased() -> None:
    from domain.decisions.erase import decide_erasure
    from tests.factories import persistence_id

    b = bench()
    await b.change()
    task = asyncio.create_task(b.attempt())
    await asyncio.sleep(0.05)
    await b.store.update(
        SessionId("s"),
        lambda before: decide_erasure(
            before,
            session_id=SessionId("s"),
            persistence_id=persistence_id(),
            policies=b.policies,
            now=b.clock.now(),
        ),
    )
    await task

    assert await due(b.store, b.clock.now()) == []
    trail = (await b.store.audit_trail(SessionId("s"), after=None, limit=9)).entries
    assert [entry.action for entry in trail] == [AuditAction.SESSION_ERASED]
