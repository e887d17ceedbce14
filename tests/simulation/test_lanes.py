"""Who is given the calls when there are too few for all: changes, ends, renewed expiries."""

import asyncio

from domain.sync.policy import SyncPolicy
from domain.sync.state import SyncLane, SyncStatus
from tests.simulation.bench import bench
from tests.simulation.lanes import POLICY, Traffic, changes_among_renewals
from tests.simulation.virtual_loop import in_virtual_time, virtually


def test_a_change_is_not_kept_waiting_by_renewed_expiries_that_use_up_the_budget() -> None:
    """The refreshes of 1,000 sessions need half as much again as 15 calls a minute."""
    waits = virtually(changes_among_renewals(1_000, 15, 900))

    assert waits.changes == 30
    assert waits.longest < 30
    assert waits.calls > 150


@in_virtual_time
async def test_ended_sessions_are_delivered_before_they_expire_under_a_steady_load_of_live_ones() -> None:
    b = bench(calls_per_minute=60, policy=POLICY)
    traffic = Traffic(b)
    async with b.running():
        for number in range(20):
            await traffic.change(f"ended-{number}", 300)
            await traffic.end(f"ended-{number}", 300)
        for second in range(290):
            await traffic.change(f"live-{second}-a")
            await traffic.change(f"live-{second}-b")
            await asyncio.sleep(1)

        told = b.gateway.delivered_ids
        ended = [name for name in told if name.startswith("ended")]
        assert sorted(ended) == sorted(f"ended-{number}" for number in range(20))
        assert len(told) - len(ended) >= 4 * len(ended)
        for number in range(20):
            state = await b.state(f"ended-{number}")
            assert state.sync.status is SyncStatus.COMPLETED


@in_virtual_time
async def test_a_live_session_that_comes_while_only_ended_ones_wait_is_delivered_next() -> None:
    b = bench(calls_per_minute=60, policy=POLICY)
    traffic = Traffic(b)
    for number in range(100):
        await traffic.change(f"ended-{number}")
        await traffic.end(f"ended-{number}")
    async with b.running():
        await asyncio.sleep(30)
        for number in range(5):
            before = len(b.gateway.told)
            await traffic.change(f"live-{number}")
            await asyncio.sleep(5)

            assert f"live-{number}" in b.gateway.delivered_ids[before : before + 2]


@in_virtual_time
async def test_renewed_expiries_are_delivered_in_time_from_what_is_left_over() -> None:
    b = bench(calls_per_minute=60, policy=POLICY)
    traffic = Traffic(b)
    async with b.running():
        for number in range(50):
            await traffic.change(f"s{number}", 600)
        await asyncio.sleep(100)
        assert len(b.gateway.told) == 50
        for second in range(600):
            if not second % 3:
                await traffic.change(f"live-{second}")
            if not second % 60:
                for number in range(50):
                    await traffic.renew(f"s{number}", 600)
            await asyncio.sleep(1)

        for number in range(50):
            sync = (await b.state(f"s{number}")).sync
            assert sync.status is SyncStatus.COMPLETED
            assert sync.delivered_expires_at is not None
            assert sync.delivered_expires_at > b.clock.now()
            assert b.gateway.delivered_ids.count(f"s{number}") == 2


@in_virtual_time
async def test_a_reserve_of_the_window_is_left_to_changes() -> None:
    b = bench(calls_per_minute=60, policy=POLICY)
    traffic = Traffic(b)
    for number in range(200):
        await traffic.change(f"s{number}", 600)
    async with b.running():
        await asyncio.sleep(210)
        for number in range(200):
            await traffic.renew(f"s{number}", 600)
        await asyncio.sleep(300)
        lefts = []
        for _ in range(600):
            lefts.append(b.budget.figures().left)
            await asyncio.sleep(0.5)

        assert len(b.gateway.told) > 300
        assert min(lefts) >= 10


@in_virtual_time
async def test_a_loop_that_finds_no_refresh_does_not_ask_for_one_at_every_look() -> None:
    """Nothing about a refresh is urgent, and with some stores every question has its price."""
    b = bench(policy=POLICY)
    traffic = Traffic(b)
    async with b.running():
        await asyncio.sleep(300)
        looks = b.store.asked_for_lane
        assert looks[SyncLane.LIVE] >= 290
        assert looks[SyncLane.REFRESH] <= looks[SyncLane.LIVE] / 4
        await traffic.change("s", 600)
        await asyncio.sleep(10)
        await traffic.renew("s", 600)
        await asyncio.sleep(500)

        assert b.gateway.delivered_ids == ["s", "s"]


@in_virtual_time
async def test_with_a_fraction_of_zero_a_renewed_expiry_alone_costs_no_call() -> None:
    b = bench(sync=SyncPolicy(refresh_fraction=0.0))
    traffic = Traffic(b)
    async with b.running():
        await traffic.change("s", 600)
        for _ in range(20):
            await asyncio.sleep(60)
            await traffic.renew("s", 600)
        assert (await b.state("s")).sync.due_at is None
        assert len(b.gateway.told) == 1
        await traffic.change("s", 600)
        await asyncio.sleep(1)

        assert len(b.gateway.told) == 2


@in_virtual_time
async def test_a_refresh_that_failed_is_still_no_change() -> None:
    """It went to the live lane, before changes that came later."""
    from application.errors import GenesysUnavailable
    from domain.sync.session_copy import SessionCopy
    from domain.sync.state import SyncFailure

    b = bench()
    traffic = Traffic(b)
    await traffic.change("s", 600)
    await b.attempt()
    await traffic.renew("s", 600)
    await asyncio.sleep(500)
    await traffic.renew("s", 600)

    def react(_: SessionCopy) -> None:
        raise GenesysUnavailable(SyncFailure(code="c", reason="r", status=503))

    b.gateway.react = react
    assert (await b.attempt()).claimed
    state = await b.state()
    assert state.sync.failure is not None
    assert (state.sync.status, state.sync_lane) == (SyncStatus.COMPLETED, "2-refresh")
    await traffic.change("s", 600)

    assert ((await b.state()).sync.status, (await b.state()).sync_lane) == (SyncStatus.PENDING, "0-live")


@in_virtual_time
async def test_a_copy_in_doubt_is_no_refresh() -> None:
    """Another call may still put an older copy over it, so it must not wait for what is left over."""
    from application.errors import GenesysUnavailable
    from domain.sync.session_copy import SessionCopy
    from domain.sync.state import SyncFailure

    b = bench()
    traffic = Traffic(b)
    await traffic.change("s")

    def react(_: SessionCopy) -> None:
        raise GenesysUnavailable(SyncFailure(code="c", reason="r", status=503))

    b.gateway.react = react
    await b.attempt()
    await traffic.change("s")
    b.gateway.react = lambda _: None
    await asyncio.sleep(2)
    await b.attempt()
    state = await b.state()
    assert state.sync.status is SyncStatus.COMPLETED
    assert state.sync.due_at is not None
    assert state.sync_lane == "0-live"
    b.gateway.seconds = 5.0
    await asyncio.sleep(60)
    task = asyncio.create_task(b.attempt())
    await asyncio.sleep(1)

    claimed = await b.state()
    assert claimed.sync.claim is not None
    assert claimed.sync_lane == "0-live"
    await task
    assert (await b.state()).sync.due_at is None
