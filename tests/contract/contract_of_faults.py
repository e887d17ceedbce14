"""What one bad update, a caller that gives up and a store that is closed do to the others: nothing."""

import asyncio

import pytest

from application.errors import StoreUnavailable
from application.ports.session_store import SessionStore
from domain.decisions.decision import Decision
from domain.ids import SessionId
from domain.session.state import SessionState
from tests.contract.settling import Settling
from tests.contract.steps import PATIENCE_SECONDS, OpenStore, take, variables
from tests.factories import at, event, merge


class FaultContract(Settling):
    async def test_what_cannot_be_written_fails_alone_and_the_store_goes_on(
        self, store: SessionStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("CRITICAL")
        no_text = "\ud800"
        updates = [
            take(store, merge({f"v{n}": n}, session_id=SessionId(f"s{n % 3}"), subject_id=subject))
            for n in range(12)
            for subject in ([no_text] if n in {4, 8} else [None])
        ]
        answers = await asyncio.gather(*updates, return_exceptions=True)

        failed = [number for number, answer in enumerate(answers) if not isinstance(answer, Decision)]
        assert failed == [4, 8]
        assert all(isinstance(answers[number], StoreUnavailable) for number in failed)
        assert await variables(store, "s0") == {"v0", "v3", "v6", "v9"}
        assert await variables(store, "s1") == {"v1", "v7", "v10"}
        await take(store, merge({"v4": 1}, session_id=SessionId("s1")))
        assert await variables(store, "s1") == {"v1", "v4", "v7", "v10"}

    async def test_callers_that_give_up_at_any_moment_leave_a_store_that_works(
        self, store: SessionStore
    ) -> None:
        tasks = [asyncio.create_task(take(store, merge({f"v{n}": n}))) for n in range(60)]
        for number, task in enumerate(tasks):
            if number % 3 == 0:
                task.cancel()
            if number % 7 == 0:
                await asyncio.sleep(0.001)
        answers = await asyncio.gather(*tasks, return_exceptions=True)

        acknowledged = {f"v{n}" for n, answer in enumerate(answers) if isinstance(answer, Decision)}
        assert acknowledged >= {f"v{n}" for n in range(60) if n % 3}
        assert acknowledged <= await variables(store)
        assert (await take(store, merge({"after": 1}))).state is not None

    async def test_readers_that_give_up_leave_a_store_that_reads(self, store: SessionStore) -> None:
        await take(store, event({"a": 1}))
        tasks = [asyncio.create_task(store.read(SessionId("s"), at(0))) for _ in range(50)]
        await asyncio.sleep(0.001)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

        assert await variables(store) == {"a"}

    async def test_closing_leaves_nobody_waiting(self, open_store: OpenStore) -> None:
        async with open_store() as store:
            tasks = [asyncio.create_task(take(store, merge({f"v{n}": n}))) for n in range(100)]
            reading = asyncio.create_task(store.read(SessionId("s"), at(0)))
            await asyncio.sleep(0.002)
        async with asyncio.timeout(PATIENCE_SECONDS):
            answers = await asyncio.gather(*tasks, reading, return_exceptions=True)

        expected = Decision | StoreUnavailable | SessionState | None
        assert [answer for answer in answers if not isinstance(answer, expected)] == []
        acknowledged = {f"v{n}" for n, answer in enumerate(answers) if isinstance(answer, Decision)}
        async with open_store() as store:
            assert acknowledged <= await variables(store)

    async def test_a_ping_tells_that_writes_go_through_and_leaves_nothing_behind(
        self, store: SessionStore
    ) -> None:
        await store.ping()
        await self.settle()
        assert await store.audit_count() == 0
        await take(store, event({"a": 1}))

        await store.ping()

        assert await variables(store) == {"a"}
        await self.settle()
        assert await store.audit_count() == 1
