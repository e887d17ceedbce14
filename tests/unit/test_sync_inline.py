"""`SYNC_MODE=inline`: within the request, if there is time."""

import asyncio

import pytest

from application.errors import GenesysUnavailable
from domain.ids import SessionId
from domain.sync.session_copy import SessionCopy
from domain.sync.state import SyncFailure, SyncStatus
from tests.simulation.bench import bench
from tests.simulation.virtual_loop import in_virtual_time

S = SessionId("s")


def now() -> float:
    return asyncio.get_running_loop().time()


@in_virtual_time
async def test_a_call_that_is_quick_enough_ends_within_the_request() -> None:
    b = bench()
    async with b.running():
        await b.change()
        state = await b.inline().sync_soon(S)

        assert state is not None
        assert state.sync.status is SyncStatus.COMPLETED
        assert len(b.gateway.told) == 1


@in_virtual_time
async def test_a_call_that_is_too_slow_goes_on_after_the_request() -> None:
    b = bench(seconds=7.0)
    async with b.running():
        await b.change()
        began = now()
        state = await b.inline(5.0).sync_soon(S)

        assert state is None
        assert now() - began == pytest.approx(5.0)
        await asyncio.sleep(3)
        assert (await b.state()).sync.status is SyncStatus.COMPLETED
        assert len(b.gateway.told) == 1
        assert b.in_flight == 0


@in_virtual_time
async def test_a_request_does_not_wait_for_a_gate_that_stays_closed_for_longer_than_it_may_take() -> None:
    """Every one of them waited for as long as it could, for nothing."""
    b = bench()
    async with b.running():
        b.budget.close(60)
        await b.change()
        began = now()
        state = await b.inline(2.0).sync_soon(S)

        assert state is None
        assert now() == began
        await asyncio.sleep(61)
        assert (await b.state()).sync.status is SyncStatus.COMPLETED
        assert b.in_flight == 0


@in_virtual_time
async def test_a_request_waits_for_a_gate_that_opens_in_time() -> None:
    b = bench()
    async with b.running():
        b.budget.close(3)
        await b.change()
        state = await b.inline(5.0).sync_soon(S)

        assert state is not None
        assert state.sync.status is SyncStatus.COMPLETED


@in_virtual_time
async def test_requests_that_wait_give_up_as_soon_as_a_call_in_time_is_out_of_the_question() -> None:
    b = bench(calls_per_minute=60)
    ends: list[float] = []

    async def request(number: int) -> None:
        await b.change(f"s{number}")
        await inline.sync_soon(SessionId(f"s{number}"))
        ends.append(now())

    inline = b.inline(30.0)
    requests = [asyncio.create_task(request(number)) for number in range(20)]
    await asyncio.sleep(2)
    waiting = 20 - len(ends)
    assert waiting >= 5
    b.budget.close(600)
    await asyncio.gather(*requests)

    assert len(ends) == 20
    assert max(ends) <= 2.5


@in_virtual_time
async def test_of_many_requests_at_once_only_those_wait_whose_turn_comes_in_time() -> None:
    """250 at once with 300 calls a minute: 200 of them waited the full five seconds."""
    b, waits = bench(calls_per_minute=300, seconds=0.1), []
    inline = b.inline(5.0)

    async def request(number: int) -> bool:
        began = now()
        state = await inline.sync_soon(SessionId(f"s{number}"))
        waits.append(now() - began)
        return state is not None and state.sync.status is SyncStatus.COMPLETED

    async with b.running():
        await b.change("first")
        await b.loop.sync_soon(SessionId("first"))
        await asyncio.sleep(30)
        for number in range(250):
            await b.change(f"s{number}")
        done = await asyncio.gather(*(request(number) for number in range(250)))
        late = [wait for wait in waits if wait >= 5.0]

        assert sum(done) >= 60
        assert sum(wait == 0 for wait in waits) >= 150
        assert len(late) <= 10
        await asyncio.sleep(60)
        for number in range(250):
            assert (await b.state(f"s{number}")).sync.status is SyncStatus.COMPLETED
        assert len(b.gateway.told) == 251
        assert b.in_flight == 0


@in_virtual_time
async def test_when_calls_take_longer_than_a_request_may_requests_no_longer_wait_for_them() -> None:
    b = bench(seconds=7.0)
    async with b.running():
        await b.change("first")
        await b.inline(5.0).sync_soon(SessionId("first"))
        await asyncio.sleep(3)
        await b.change()
        began = now()

        assert await b.inline(5.0).sync_soon(S) is None
        assert now() == began
        b.gateway.seconds = 0.1
        for number in range(20):
            await b.change(f"s{number}")
            await b.loop.sync_soon(SessionId(f"s{number}"))
        await asyncio.sleep(20)
        await b.change()
        state = await b.inline(5.0).sync_soon(S)
        assert state is not None
        assert state.sync.status is SyncStatus.COMPLETED


@in_virtual_time
async def test_a_failed_attempt_is_left_to_the_loop() -> None:
    b = bench()

    def react(_: SessionCopy) -> None:
        if now() < 1:
            raise GenesysUnavailable(SyncFailure(code="c", reason="r", status=503))

    b.gateway.react = react
    async with b.running():
        await b.change()
        state = await b.inline().sync_soon(S)

        assert state is not None
        assert state.sync.status is SyncStatus.PENDING
        await asyncio.sleep(3)
        assert (await b.state()).sync.status is SyncStatus.COMPLETED


@in_virtual_time
async def test_a_store_that_fails_or_a_record_that_is_damaged_does_not_fail_the_request() -> None:
    b = bench()
    await b.change()
    b.store.troubles.away = True
    assert await b.inline().sync_soon(S) is None
    b.store.troubles.away = False
    b.store.troubles.of_session["s"] = ValueError("damaged")

    assert await b.inline().sync_soon(S) is None
    assert b.in_flight == 0


@in_virtual_time
async def test_while_genesys_is_away_requests_do_not_call_it_as_well() -> None:
    b = bench()

    def react(_: SessionCopy) -> None:
        raise GenesysUnavailable(SyncFailure(code="c", reason="r", status=503))

    b.gateway.react = react
    async with b.running():
        for number in range(5):
            await b.change(f"s{number}")
        await asyncio.sleep(30)
        calls = len(b.gateway.told)
        for number in range(50):
            await b.change(f"t{number}")
        began = now()
        await asyncio.gather(*(b.inline(5.0).sync_soon(SessionId(f"t{n}")) for n in range(50)))

        assert now() == began
        await asyncio.sleep(5)
        assert len(b.gateway.told) - calls <= 3
        assert b.in_flight == 0


@in_virtual_time
async def test_many_requests_at_once_share_the_places_of_the_loop() -> None:
    b = bench(seconds=0.2)
    async with b.running():
        for number in range(60):
            await b.change(f"s{number}")
        states = await asyncio.gather(
            *(b.inline(5.0).sync_soon(SessionId(f"s{number}")) for number in range(60))
        )
        await asyncio.sleep(5)

        assert b.gateway.most_at_once <= 9
        assert sorted(b.gateway.delivered_ids) == sorted(f"s{number}" for number in range(60))
        assert sum(state is not None for state in states) >= 40
        assert b.in_flight == 0


@in_virtual_time
async def test_two_requests_for_one_session_each_leave_it_told() -> None:
    b = bench(seconds=0.5)
    async with b.running():
        await b.change()
        first = asyncio.create_task(b.inline().sync_soon(S))
        await asyncio.sleep(0.1)
        await b.change()
        state = await b.inline().sync_soon(S)
        await first

        assert state is not None
        assert state.sync.status is SyncStatus.COMPLETED
        assert len(b.gateway.told) == 2


@in_virtual_time
async def test_a_request_that_is_cancelled_does_not_end_the_call() -> None:
    b = bench(seconds=0.5)
    async with b.running():
        await b.change()
        request = asyncio.create_task(b.inline().sync_soon(S))
        await asyncio.sleep(0.1)
        request.cancel()
        await asyncio.sleep(1)

        assert (await b.state()).sync.status is SyncStatus.COMPLETED
        assert len(b.gateway.told) == 1
        assert b.in_flight == 0


@in_virtual_time
async def test_requests_that_are_cancelled_while_they_wait_take_nothing_from_the_budget() -> None:
    b = bench()
    inline = b.inline(30.0)
    b.budget.close(10)
    for number in range(5):
        await b.change(f"s{number}")
    requests = [asyncio.create_task(inline.sync_soon(SessionId(f"s{number}"))) for number in range(5)]
    await asyncio.sleep(1)
    assert not any(request.done() for request in requests)
    for request in requests:
        request.cancel()
    await asyncio.gather(*requests, return_exceptions=True)
    await asyncio.sleep(20)

    assert b.gateway.told == []
    assert (b.in_flight, b.budget.wait_seconds()) == (0, 0)
    await b.change()
    state = await inline.sync_soon(S)
    assert state is not None
    assert state.sync.status is SyncStatus.COMPLETED


@in_virtual_time
async def test_a_process_that_stops_lets_its_requests_go() -> None:
    b = bench(seconds=60.0)
    inline = b.inline(100.0)
    await b.change()
    request = asyncio.create_task(inline.sync_soon(S))
    await asyncio.sleep(1)
    await inline.close()

    assert await request is None
    assert now() == pytest.approx(4.0)
    assert (await b.state()).sync.claim is None
    assert b.in_flight == 0
