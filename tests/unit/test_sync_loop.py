"""Working off what is due: order, fairness, outages, stopping."""

import asyncio
import logging
from collections.abc import Callable
from statistics import median
from typing import Any

import pytest

from adapters.system.ids import RandomIds
from application.errors import (
    GenesysMisconfigured,
    GenesysRefused,
    GenesysUnavailable,
    SessionUnreadable,
    StoreUnavailable,
)
from application.sync.loop import SyncLoopPolicy
from domain.ids import SessionId
from domain.sync.session_copy import SessionCopy
from domain.sync.state import SyncFailure, SyncStatus
from tests.simulation.bench import Bench, bench
from tests.simulation.fakes import TroubledStore
from tests.simulation.virtual_loop import in_virtual_time

AWAY = GenesysUnavailable(SyncFailure(code="network.ConnectError", reason="nobody there"))
WRONG = GenesysMisconfigured(SyncFailure(code="invalid_client", reason="refused", status=401))

NOT_FOUND = GenesysRefused(SyncFailure(code="not.found", reason="no such thing", status=404))


async def change_and_say(b: Bench, session_id: str = "s", **fields: Any) -> None:
    await b.change(session_id, **fields)
    await b.loop.sync_soon(SessionId(session_id))


def now() -> float:
    return asyncio.get_running_loop().time()


def failing_until(moment: float, error: Exception) -> Callable[[SessionCopy], None]:
    def react(_: SessionCopy) -> None:
        if now() < moment:
            raise error

    return react


@in_virtual_time
async def test_a_change_is_told_at_once_while_budget_is_left() -> None:
    b = bench(calls_per_minute=300, seconds=0.05)
    lags = []
    async with b.running():
        for number in range(60):
            await asyncio.sleep(0.5)
            changed_at = now()
            await change_and_say(b, f"s{number}")
            while b.gateway.delivered_ids[-1:] != [f"s{number}"]:
                await asyncio.sleep(0.001)
            lags.append(now() - changed_at)

    assert median(lags) < 0.1
    assert max(lags) < 0.3


@in_virtual_time
async def test_updates_that_arrive_while_a_sync_is_due_or_under_way_are_one_call() -> None:
    b = bench(seconds=1.0)
    async with b.running():
        for _ in range(20):
            await change_and_say(b)
        await asyncio.sleep(0.5)
        for _ in range(20):
            await change_and_say(b)
        await asyncio.sleep(10)

        assert len(b.gateway.told) == 2
        assert (await b.state()).sync.status is SyncStatus.COMPLETED


@in_virtual_time
async def test_nothing_that_stays_the_same_is_told_again() -> None:
    b = bench()
    async with b.running():
        await change_and_say(b)
        await asyncio.sleep(1)
        await change_and_say(b, end=True)
        await asyncio.sleep(1000)

        assert len(b.gateway.told) == 1


@in_virtual_time
async def test_live_sessions_come_before_ended_ones_and_then_those_that_wait_longest() -> None:
    b = bench(policy=SyncLoopPolicy(concurrency_max=1))
    await b.change("ended", ttl_seconds=500)
    await b.change("ended", end=True)
    for number in range(3):
        await asyncio.sleep(1)
        await b.change(f"live-{number}")
    async with b.running():
        await asyncio.sleep(5)

        assert b.gateway.delivered_ids == ["live-0", "live-1", "live-2", "ended"]


@in_virtual_time
async def test_a_session_that_changes_again_and_again_does_not_starve_the_others() -> None:
    b, changes = bench(calls_per_minute=60, policy=SyncLoopPolicy(concurrency_max=1)), []
    b.gateway.during = lambda _: changes.append(asyncio.ensure_future(b.change("busy")))
    async with b.running():
        await change_and_say(b, "busy")
        for number in range(10):
            await change_and_say(b, f"quiet-{number}")
        await asyncio.sleep(25)

        assert {f"quiet-{number}" for number in range(10)} <= set(b.gateway.delivered_ids)


@in_virtual_time
async def test_an_expiry_that_was_renewed_is_told_before_it_passes_even_under_load() -> None:
    b = bench(calls_per_minute=60)
    async with b.running():
        await change_and_say(b, "kept", ttl_seconds=300)
        await asyncio.sleep(5)
        delivered_expires_at = (await b.state("kept")).sync.delivered_expires_at
        await b.change("kept")
        for second in range(290):
            for number in range(2):
                await change_and_say(b, f"s{second}-{number}")
            await asyncio.sleep(1)

        renewed = (await b.state("kept")).sync.delivered_expires_at
        assert renewed is not None
        assert delivered_expires_at is not None
        assert renewed > delivered_expires_at


@in_virtual_time
async def test_there_are_never_more_calls_under_way_than_allowed() -> None:
    b = bench(seconds=1.0, policy=SyncLoopPolicy(concurrency_max=3))
    async with b.running():
        for number in range(20):
            await change_and_say(b, f"s{number}")
        await asyncio.sleep(30)

        assert len(set(b.gateway.delivered_ids)) == 20
        assert b.gateway.most_at_once <= 4
        assert b.in_flight == 0


@in_virtual_time
async def test_an_idle_loop_holds_no_call_and_asks_the_store_only_now_and_then() -> None:
    b = bench(policy=SyncLoopPolicy(poll_seconds=1.0))
    async with b.running():
        await asyncio.sleep(60)

        assert b.store.asked_for_due <= 70
        assert b.in_flight == 0


@pytest.mark.parametrize("error", [StoreUnavailable("damaged"), ValueError("damaged")])
@pytest.mark.parametrize("poisoned", [1, 30])
@in_virtual_time
async def test_sessions_that_fail_here_starve_nobody_and_are_left_alone_for_longer_and_longer(
    error: Exception, poisoned: int
) -> None:
    b = bench(calls_per_minute=300)
    for number in range(poisoned):
        await b.change(f"poison-{number}")
        b.store.troubles.of_session[f"poison-{number}"] = error
    async with b.running():
        for number in range(50):
            await asyncio.sleep(1)
            await change_and_say(b, f"s{number}")
        await asyncio.sleep(250)

        assert len({name for name in b.gateway.delivered_ids if name.startswith("s")}) == 50
        for number in range(poisoned):
            assert 5 <= b.store.updates.count(f"poison-{number}") <= 20
        assert b.in_flight == 0
        b.store.troubles.of_session.clear()
        await asyncio.sleep(200)
        assert len(set(b.gateway.delivered_ids)) == 50 + poisoned


@in_virtual_time
async def test_records_that_cannot_be_read_are_not_taken_for_a_store_that_is_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    b = bench(calls_per_minute=300)
    for number in range(10):
        await b.change(f"newer-{number}")
        b.store.troubles.of_session[f"newer-{number}"] = SessionUnreadable("of a newer version")
    async with b.running():
        await asyncio.sleep(5)
        await change_and_say(b, "s")
        await asyncio.sleep(0.5)

        assert b.gateway.delivered_ids == ["s"]
    assert "store does not answer" not in {record.message for record in caplog.records}


@in_virtual_time
async def test_while_the_store_is_away_it_is_asked_only_now_and_then_and_afterwards_all_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    b = bench()
    async with b.running():
        await asyncio.sleep(1)
        asked = b.store.asked_for_due
        b.store.troubles.away = True
        await asyncio.sleep(60)
        assert b.store.asked_for_due - asked <= 65
        b.store.troubles.away = False
        await change_and_say(b)
        await asyncio.sleep(3)

        assert (await b.state()).sync.status is SyncStatus.COMPLETED
        assert b.in_flight == 0

    assert sum("store" in record.getMessage() for record in caplog.records) == 1


@in_virtual_time
async def test_while_genesys_is_away_there_is_a_probe_now_and_then_and_all_is_told_soon_after() -> None:
    b = bench(calls_per_minute=300)
    b.gateway.react = failing_until(600, AWAY)
    async with b.running():
        for number in range(40):
            await change_and_say(b, f"s{number}")
        await asyncio.sleep(100)
        probes = len(b.gateway.told)
        await asyncio.sleep(400)
        assert len(b.gateway.told) - probes <= 90
        await asyncio.sleep(100)
        calls = len(b.gateway.told)
        await asyncio.sleep(6)
        back = sorted(at for at in b.gateway.delivered_at if at >= 600)
        assert back[0] < 605.5
        at_once = [at for at in back if at < back[0] + 0.25]
        assert len(at_once) <= 13
        await asyncio.sleep(20)

        assert len(b.gateway.told) - calls <= 45
        for number in range(40):
            assert (await b.state(f"s{number}")).sync.status is SyncStatus.COMPLETED


@in_virtual_time
async def test_a_single_session_too_is_told_soon_after_genesys_returns() -> None:
    b = bench()
    b.gateway.react = failing_until(600, AWAY)
    async with b.running():
        await change_and_say(b)
        await asyncio.sleep(612)

        assert (await b.state()).sync.status is SyncStatus.COMPLETED


@in_virtual_time
async def test_sessions_on_which_genesys_always_fails_leave_the_budget_to_the_others() -> None:
    b = bench(calls_per_minute=300)

    def react(copy: SessionCopy) -> None:
        if copy.session_id.startswith("bad"):
            raise AWAY

    b.gateway.react = react
    async with b.running():
        for number in range(30):
            await change_and_say(b, f"bad-{number}")
        for second in range(300):
            await asyncio.sleep(1)
            await change_and_say(b, f"s{second}")
        await asyncio.sleep(20)

        assert len({name for name in b.gateway.delivered_ids if name.startswith("s")}) == 300
        assert sum(name.startswith("bad") for name in b.gateway.delivered_ids) < 30 * 14


@in_virtual_time
async def test_refused_credentials_stop_the_spending_are_logged_once_and_tried_again_slowly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    b = bench()
    b.gateway.react = failing_until(330, WRONG)
    async with b.running():
        for number in range(20):
            await change_and_say(b, f"s{number}")
        await asyncio.sleep(300)
        assert b.loop.misconfigured == WRONG.failure
        assert 4 <= len(b.gateway.told) <= 8
        await asyncio.sleep(150)

        assert b.loop.misconfigured is None
        for number in range(20):
            assert (await b.state(f"s{number}")).sync.status is SyncStatus.COMPLETED

    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert "credentials" in errors[0].getMessage()


@in_virtual_time
async def test_many_refusals_in_a_row_pause_the_sync_and_no_session_fails_for_good(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A wrong target or path: each session was refused for good, one after the other, for one cause."""
    caplog.set_level(logging.INFO)
    b = bench(calls_per_minute=600)
    b.gateway.react = failing_until(900, NOT_FOUND)
    async with b.running():
        for number in range(200):
            await change_and_say(b, f"s{number}")
        await asyncio.sleep(60)
        calls = len(b.gateway.told)
        assert b.loop.misconfigured is not None
        assert b.loop.misconfigured.code == "not.found"
        await asyncio.sleep(600)
        assert len(b.gateway.told) - calls <= 12
        for number in range(200):
            assert (await b.state(f"s{number}")).sync.status is SyncStatus.PENDING
        await asyncio.sleep(400)

        assert b.loop.misconfigured is None
        for number in range(200):
            assert (await b.state(f"s{number}")).sync.status is SyncStatus.COMPLETED
        assert b.metrics.noted.count("sync refused") == 19
        assert b.metrics.noted.count("sync misconfigured") <= 25

    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert "one session after another" in errors[0].getMessage()
    assert sum("answers again" in record.getMessage() for record in caplog.records) == 1


@in_virtual_time
async def test_sessions_that_are_refused_for_a_good_reason_do_not_keep_others_waiting_for_long() -> None:
    b = bench(calls_per_minute=600)

    def react(copy: SessionCopy) -> None:
        if copy.session_id.startswith("gone"):
            raise NOT_FOUND

    b.gateway.react = react
    async with b.running():
        for number in range(100):
            await change_and_say(b, f"gone-{number}")
        await asyncio.sleep(600)
        assert b.loop.misconfigured is not None
        await change_and_say(b, "here")
        await asyncio.sleep(61)
        assert (await b.state("here")).sync.status is SyncStatus.COMPLETED
        for number in range(60):
            await change_and_say(b, f"here-{number}")
            await asyncio.sleep(1)
        await asyncio.sleep(60)

        assert b.loop.misconfigured is None
        for number in range(100):
            assert (await b.state(f"gone-{number}")).sync.status is SyncStatus.FAILED


@in_virtual_time
async def test_conversations_that_cannot_be_read_stop_nothing() -> None:
    """They were taken for faults of the network, and a few in a row stopped the sync of all sessions."""
    b = bench(calls_per_minute=600)

    def react(copy: SessionCopy) -> None:
        if copy.session_id.startswith("odd"):
            raise GenesysRefused(SyncFailure(code="conversation.unreadable", reason="no sense"))

    b.gateway.react = react
    async with b.running():
        for number in range(60):
            await change_and_say(b, f"odd-{number}")
        await change_and_say(b, "s")
        await asyncio.sleep(15)

        assert b.loop.misconfigured is None
        assert not b.conclusions.circuit_breaker.is_open
        assert (await b.state("s")).sync.status is SyncStatus.COMPLETED
        assert (await b.state("odd-0")).sync.status is SyncStatus.FAILED


@in_virtual_time
async def test_a_network_fault_between_two_refusals_does_not_hide_the_misconfiguration() -> None:
    b = bench()
    errors = [WRONG, AWAY, WRONG]

    def react(_: SessionCopy) -> None:
        raise errors[min(len(b.gateway.told), 3) - 1]

    b.gateway.react = react
    async with b.running():
        await change_and_say(b)
        await asyncio.sleep(1)
        for _ in range(120):
            await asyncio.sleep(1)
            assert b.loop.misconfigured == WRONG.failure


@in_virtual_time
async def test_a_stop_lets_calls_end_and_gives_back_the_claims_of_those_that_take_too_long() -> None:
    b = bench(seconds=1.0)
    async with b.running():
        await change_and_say(b, "quick")
        await asyncio.sleep(1.5)
        b.gateway.seconds = 30.0
        await change_and_say(b, "slow")
        await asyncio.sleep(0.5)
        b.gateway.seconds = 1.0
        await change_and_say(b, "last")
        await asyncio.sleep(0.5)
        stopped_at = now()

    assert now() - stopped_at <= 3.01
    assert (await b.state("quick")).sync.status is SyncStatus.COMPLETED
    assert (await b.state("last")).sync.status is SyncStatus.COMPLETED
    slow = (await b.state("slow")).sync
    assert (slow.claim, slow.status) == (None, SyncStatus.PENDING)
    assert slow.due_at is not None
    assert slow.due_at <= b.clock.now()
    assert b.in_flight == 0


@in_virtual_time
async def test_a_stop_while_everybody_waits_for_the_budget_is_immediate_and_leaves_no_call_behind() -> None:
    b = bench()
    async with b.running():
        await change_and_say(b)
        await asyncio.sleep(1)
        b.budget.close(300)
        await change_and_say(b)
        await asyncio.sleep(1)
        stopped_at = now()

    assert now() == stopped_at
    assert b.in_flight == 0


@in_virtual_time
async def test_several_processes_on_one_store_make_one_call_for_each_change() -> None:
    shared = TroubledStore()
    benches = [bench(ids=RandomIds(), store=shared) for _ in range(3)]
    async with benches[0].running(), benches[1].running(), benches[2].running():
        for number in range(100):
            await benches[0].change(f"s{number}")
        await asyncio.sleep(30)

        told = [name for b in benches for name in b.gateway.delivered_ids]
        assert sorted(told) == sorted(f"s{number}" for number in range(100))
        assert [b.in_flight for b in benches] == [0, 0, 0]
