"""`SYNC_MODE=inline`: within the request, if there is time."""

import asyncio

from application.errors import GenesysUnavailable
from domain.identity import SessionId
from domain.sync import SyncFailure, SyncStatus
from domain.write_back import SessionCopy
from tests.simulation.bench import bench
from tests.simulation.virtual_loop import virtually

S = SessionId("s")


def now() -> float:
    return asyncio.get_running_loop().time()


def test_a_call_that_is_quick_enough_ends_within_the_request() -> None:
    async def main() -> None:
        b = bench()
        async with b.running():
            await b.change()
            state = await b.inline().sync_soon(S)

            assert state is not None
            assert state.sync.status is SyncStatus.COMPLETED
            assert len(b.gateway.told) == 1

    virtually(main())


def test_a_call_that_is_too_slow_goes_on_after_the_request() -> None:
    async def main() -> None:
        b = bench(seconds=7.0)
        async with b.running():
            await b.change()
            began = now()
            state = await b.inline(5.0).sync_soon(S)

            assert state is None
            assert now() - began == 5.0
            await asyncio.sleep(3)
            assert (await b.state()).sync.status is SyncStatus.COMPLETED
            assert len(b.gateway.told) == 1
            assert b.in_flight == 0

    virtually(main())


def test_a_request_does_not_wait_for_a_closed_gate() -> None:
    async def main() -> None:
        b = bench()
        async with b.running():
            b.budget.close(60)
            await b.change()
            began = now()
            state = await b.inline(2.0).sync_soon(S)

            assert state is None
            assert now() - began == 2.0
            await asyncio.sleep(61)
            assert (await b.state()).sync.status is SyncStatus.COMPLETED
            assert b.in_flight == 0

    virtually(main())


def test_a_failed_attempt_is_left_to_the_loop() -> None:
    async def main() -> None:
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

    virtually(main())


def test_a_store_that_fails_or_a_record_that_is_damaged_does_not_fail_the_request() -> None:
    async def main() -> None:
        b = bench()
        await b.change()
        b.store.troubles.away = True
        assert await b.inline().sync_soon(S) is None
        b.store.troubles.away = False
        b.store.troubles.of_session["s"] = ValueError("damaged")

        assert await b.inline().sync_soon(S) is None
        assert b.in_flight == 0

    virtually(main())


def test_while_genesys_is_away_requests_do_not_call_it_as_well() -> None:
    async def main() -> None:
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
            await asyncio.gather(*(b.inline(5.0).sync_soon(SessionId(f"t{n}")) for n in range(50)))

            assert len(b.gateway.told) - calls <= 3
            assert b.in_flight == 0

    virtually(main())


def test_many_requests_at_once_share_the_places_of_the_loop() -> None:
    async def main() -> None:
        b = bench(seconds=0.2)
        async with b.running():
            for number in range(60):
                await b.change(f"s{number}")
            states = await asyncio.gather(
                *(b.inline(5.0).sync_soon(SessionId(f"s{number}")) for number in range(60))
            )
            await asyncio.sleep(5)

            assert b.gateway.most_at_once <= 9
            assert sorted(b.gateway.told_ids) == sorted(f"s{number}" for number in range(60))
            assert sum(state is not None for state in states) >= 40
            assert b.in_flight == 0

    virtually(main())


def test_two_requests_for_one_session_each_leave_it_told() -> None:
    async def main() -> None:
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

    virtually(main())


def test_a_request_that_is_cancelled_does_not_end_the_call() -> None:
    async def main() -> None:
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

    virtually(main())
