import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from adapters.memory.store import MemorySessionStore
from application.errors import StoreUnavailable
from application.ports.runtime import Clock
from application.use_cases.evict_expired import EvictExpired, EvictExpiredHandler
from domain.audit import AuditAction
from domain.decisions.decision import Decide, Decision
from domain.ids import SessionId
from tests.contract.steps import NEWER_LEDGER, take, variables
from tests.factories import at, event
from tests.fakes import FakeClock, FakeIds, FakeMetrics


class WithClock(MemorySessionStore):
    """A store whose clock is so far ahead of ours."""

    skew: timedelta | None = None

    async def clock_skew(self, clock: Clock) -> timedelta | None:
        return self.skew


class Bench:
    def __init__(self) -> None:
        self.store, self.clock, self.metrics = WithClock(), FakeClock(), FakeMetrics()
        self.evict = EvictExpiredHandler(
            store=self.store,
            clock=self.clock,
            ids=FakeIds(),
            metrics=self.metrics,
            audit_retention=timedelta(days=1),
            clock_skew_max=timedelta(seconds=60),
        )

    async def fill(self, count: int, ttl_seconds: int) -> None:
        for number in range(count):
            session_id = SessionId(f"{ttl_seconds}-{number}")
            await take(self.store, event({"a": 1}, session_id=session_id, ttl_seconds=ttl_seconds))


async def test_what_has_expired_goes_and_the_rest_stays() -> None:
    bench = Bench()
    await bench.fill(3, 10)
    await bench.fill(2, 100)
    bench.clock.advance(10)

    more = await bench.evict(EvictExpired())

    assert not more
    assert bench.metrics.noted == ["evicted 3, 3 undelivered"]
    assert await bench.store.expired(bench.clock.now(), 10) == []
    assert await variables(bench.store, "100-1", seconds=10) == {"a"}
    trail = await bench.store.audit_trail(SessionId("10-0"), after=None, limit=10)
    assert [entry.action for entry in trail.entries][-1] is AuditAction.SESSION_EVICTED


async def test_it_works_in_lots_and_says_when_there_may_be_more() -> None:
    bench = Bench()
    await bench.fill(5, 10)
    bench.clock.advance(10)

    rounds = [await bench.evict(EvictExpired(limit=2)) for _ in range(4)]

    assert rounds == [True, True, False, False]
    assert bench.metrics.noted == [f"evicted {n}, {n} undelivered" for n in (2, 2, 1)]


async def test_audit_entries_are_forgotten_after_their_retention() -> None:
    bench = Bench()
    await bench.fill(3, 100)
    bench.clock.advance(timedelta(days=1).total_seconds())
    await bench.evict(EvictExpired())
    assert await bench.store.audit_count() == 6

    bench.clock.advance(0.000_001)
    more = await bench.evict(EvictExpired(limit=2))

    assert more
    assert await bench.store.audit_count() == 4


async def test_with_nothing_to_do_nothing_is_counted() -> None:
    bench = Bench()
    await bench.fill(1, 100)

    assert await bench.evict(EvictExpired()) is False
    assert bench.metrics.noted == []


@pytest.mark.parametrize("hours", [-2, 2])
async def test_a_process_whose_clock_is_far_off_evicts_nothing_and_says_so_once(
    hours: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A machine whose clock was two hours ahead evicted 200 of 200 live sessions."""
    caplog.set_level("INFO")
    bench = Bench()
    await bench.fill(200, 3600)
    bench.clock.advance(7200)
    bench.store.skew = timedelta(hours=hours)

    assert [await bench.evict(EvictExpired()) for _ in range(3)] == [False] * 3

    assert bench.metrics.noted == []
    assert await bench.store.audit_count() == 200
    assert [record.message for record in caplog.records] == ["eviction is stopped"]

    bench.store.skew = timedelta()
    await bench.evict(EvictExpired())

    assert bench.metrics.noted == ["evicted 200, 200 undelivered"]
    assert caplog.records[-1].message == "eviction goes on: the clocks agree again"


async def test_what_has_expired_by_one_clock_alone_stays() -> None:
    bench = Bench()
    await bench.fill(1, 10)
    for ours, stores in ((30, -25), (5, 25)):
        bench.clock.moment = at(ours)
        bench.store.skew = timedelta(seconds=stores)
        await bench.evict(EvictExpired())
    assert bench.metrics.noted == []

    bench.store.skew = timedelta(seconds=25)
    bench.clock.moment = at(10)
    await bench.evict(EvictExpired())

    assert bench.metrics.noted == ["evicted 1, 1 undelivered"]


class DamagedFor(WithClock):
    """One session cannot be written, or none (None)."""

    def __init__(self, damaged: str | None) -> None:
        super().__init__()
        self._name = damaged
        self._is_damaged = False

    def damage(self) -> None:
        self._is_damaged = True

    async def update(self, session_id: SessionId, decide: Decide) -> Decision:
        if self._is_damaged and self._name in {None, session_id}:
            raise StoreUnavailable("the record is damaged")
        return await super().update(session_id, decide)


def evicting(bench: Bench, store: MemorySessionStore) -> EvictExpiredHandler:
    return EvictExpiredHandler(
        store=store,
        clock=bench.clock,
        ids=FakeIds(),
        metrics=bench.metrics,
        audit_retention=timedelta(seconds=1),
        clock_skew_max=timedelta(seconds=60),
    )


async def test_a_record_that_cannot_be_read_is_evicted_like_the_others_and_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """After a rollback such records stopped eviction for ever, in a loop without a pause."""
    bench = Bench()
    await bench.fill(3, 10)
    record = bench.store._records[SessionId("10-1")]
    bench.store._records[SessionId("10-1")] = replace(record, ledger=NEWER_LEDGER)
    bench.clock.advance(10)

    more = await bench.evict(EvictExpired(limit=4))

    assert not more
    assert bench.metrics.noted == ["evicted 3, 3 undelivered"]
    assert await bench.store.expired(bench.clock.now(), 10) == []
    (said,) = caplog.records
    assert said.message == "evicted a session whose record cannot be read"
    assert vars(said)["session_id"] == "10-1"
    assert "99" in vars(said)["reason"]


async def test_a_damaged_record_does_not_keep_the_others_from_going() -> None:
    bench = Bench()
    store = DamagedFor("10-1")
    bench.store = store
    bench.evict = evicting(bench, store)
    await bench.fill(3, 10)
    store.damage()
    bench.clock.advance(10)
    assert await store.audit_count() == 3

    await bench.evict(EvictExpired())

    assert bench.metrics.noted == ["eviction failed", "evicted 2, 2 undelivered"]
    assert await store.expired(bench.clock.now(), 10) == ["10-1"]
    assert await store.audit_count() == 2


async def test_sessions_that_cannot_be_evicted_are_left_alone_for_a_while(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    store = DamagedFor("10-1")
    bench.store = store
    bench.evict = evicting(bench, store)
    await bench.fill(3, 10)
    store.damage()
    bench.clock.advance(10)

    for seconds in (0, 5, 290, 10):
        bench.clock.advance(seconds)
        await bench.evict(EvictExpired())

    assert "evicted 2, 2 undelivered" in bench.metrics.noted
    assert bench.metrics.noted.count("eviction failed") == 2
    assert [vars(record)["session_id"] for record in caplog.records] == ["10-1", "10-1"]


async def test_a_store_that_writes_nothing_is_said_to_be_away() -> None:
    bench = Bench()
    store = DamagedFor(None)
    bench.store = store
    bench.evict = evicting(bench, store)
    await bench.fill(500, 10)
    store.damage()
    bench.clock.advance(10)

    with pytest.raises(StoreUnavailable):
        await bench.evict(EvictExpired())

    assert bench.metrics.noted.count("eviction failed") < 64


class Contended(MemorySessionStore):
    """What a worker waits for lets the others go on."""

    def __init__(self) -> None:
        super().__init__()
        self.decisions = 0

    async def expired(self, now: datetime, limit: int, *, part: int | None = None) -> Sequence[SessionId]:
        found = await super().expired(now, limit, part=part)
        await asyncio.sleep(0)
        return found

    async def update(self, session_id: SessionId, decide: Decide) -> Decision:
        await asyncio.sleep(0)
        self.decisions += 1
        return await super().update(session_id, decide)


class Dice(FakeIds):
    def __init__(self, seed: int) -> None:
        super().__init__()
        self._dice = random.Random(seed)

    def jitter(self) -> float:
        return self._dice.random()


async def test_workers_that_evict_at_once_seldom_decide_about_the_same_sessions() -> None:
    """Four workers made 13,236 decisions to evict 3,000 sessions: each was given the same lot."""
    store, clock, metrics = Contended(), FakeClock(), FakeMetrics()
    for number in range(3000):
        await take(store, event({"a": 1}, session_id=SessionId(f"s{number}"), ttl_seconds=10))
    store.decisions = 0
    clock.advance(10)

    async def worker(number: int) -> None:
        evict = EvictExpiredHandler(
            store=store,
            clock=clock,
            ids=Dice(number),
            metrics=metrics,
            audit_retention=timedelta(days=1),
            clock_skew_max=timedelta(seconds=60),
        )
        while await evict(EvictExpired()):
            pass

    await asyncio.gather(*(worker(number) for number in range(4)))

    assert await store.expired(clock.now(), 10) == []
    assert store.decisions < 4500
