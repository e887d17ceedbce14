"""What a store does when many want the same at once."""

import asyncio
import random
from dataclasses import replace

from application.ports.session_store import SessionStore
from domain.audit import AuditAction
from domain.decisions.decision import Decision
from domain.decisions.evict import decide_eviction
from domain.ids import SessionId
from tests.contract.settling import Settling
from tests.contract.steps import OpenStore, erase, take, variables
from tests.factories import at, end, event, merge


class RaceContract(Settling):
    async def test_concurrent_merges_of_one_session_are_all_there(self, store: SessionStore) -> None:
        decisions = await asyncio.gather(*(take(store, merge({f"v{n}": n})) for n in range(200)))

        read = await store.read(SessionId("s"), at(0))
        assert read is not None
        assert read.context.texts.keys() == {f"v{n}" for n in range(200)}
        assert sorted(d.state.revision for d in decisions if d.state) == list(range(1, 201))

    async def test_two_openings_of_one_store_do_not_lose_each_others_merges(
        self, open_store: OpenStore
    ) -> None:
        async with open_store() as one, open_store() as other:
            await asyncio.gather(
                *(
                    take(store, merge({f"{side}{n}": n}))
                    for n in range(100)
                    for side, store in (("a", one), ("b", other))
                )
            )

            for store in (one, other):
                read = await store.read(SessionId("s"), at(0))
                assert read is not None
                assert len(read.context.texts) == 200
                assert read.revision == 200

    async def test_shuffled_and_repeated_events_end_in_the_same_bytes(self, open_store: OpenStore) -> None:
        shuffle = random.Random(7)
        events = [
            *(merge({f"v{n % 4}": n}, seconds=n) for n in range(10)),
            event({"base": 1}, seconds=3.5),
            merge({"v1": None}, seconds=8),
            end(seconds=4.5),
        ]
        documents = set()
        async with open_store() as one, open_store() as other:
            for round_number in range(8):
                session_id = SessionId(f"round-{round_number}")
                delivered = [replace(e, session_id=session_id) for e in [*events, *events]]
                shuffle.shuffle(delivered)
                await asyncio.gather(
                    *(take(shuffle.choice([one, other]), each, seconds=20) for each in delivered)
                )
                read = await one.read(session_id, at(20))
                assert read is not None
                documents.add(read.context.document)

        assert documents == {b'{"v0":8,"v1":9,"v2":6,"v3":7}'}

    async def test_many_sessions_at_once_each_get_their_own_answer(self, store: SessionStore) -> None:
        decisions = await asyncio.gather(
            *(take(store, event({"n": n}, session_id=SessionId(f"s{n}"))) for n in range(300))
        )

        for number, decision in enumerate(decisions):
            assert decision.state is not None
            assert decision.state.session_id == f"s{number}"
            assert decision.state.context.document == b'{"n":%d}' % number

    async def test_a_caller_that_gives_up_takes_nobody_with_it(self, store: SessionStore) -> None:
        tasks = [asyncio.create_task(take(store, merge({f"v{n}": n}))) for n in range(50)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)

        read = await store.read(SessionId("s"), at(0))
        assert read is not None
        acknowledged = {f"v{n}" for n, answer in enumerate(answers) if isinstance(answer, Decision)}
        assert acknowledged >= {f"v{n}" for n in range(1, 50, 2)}
        assert acknowledged <= read.context.texts.keys()

    async def test_an_eviction_that_comes_too_late_takes_nothing(self, open_store: OpenStore) -> None:
        async with open_store() as one, open_store() as other:
            names = [SessionId(f"s{number}") for number in range(40)]
            for name in names:
                await take(one, event({"a": 1}, session_id=name, ttl_seconds=10))
            await self.settle()
            assert len(await one.expired(at(11), 100)) == 40

            await asyncio.gather(
                *(other.update(name, lambda before: decide_eviction(before, at(11))) for name in names),
                *(take(one, merge({"b": 2}, session_id=name, ttl_seconds=60), seconds=11) for name in names),
            )

            await self.settle()
            assert await one.expired(at(11), 100) == []
            for name in names:
                assert await variables(other, name, seconds=11) == {"b"}

    async def test_updates_around_an_erasure_leave_only_what_is_newer(self, store: SessionStore) -> None:
        await asyncio.gather(
            *(take(store, merge({f"old{n}": n}, seconds=n / 10), seconds=5) for n in range(10)),
            erase(store, "s", 5),
            *(take(store, merge({f"late{n}": n}, seconds=n / 10), seconds=6) for n in range(10)),
            take(store, merge({"new": 1}, seconds=5.5), seconds=6),
        )

        assert await variables(store, seconds=6) == {"new"}
        trail = await store.audit_trail(SessionId("s"), after=None, limit=100)
        assert [entry.action for entry in trail.entries] == [
            AuditAction.SESSION_ERASED,
            AuditAction.SESSION_PERSISTED,
        ]
