"""Group commit over a scripted store."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from adapters.storage.batch import BatchLimits
from adapters.storage.group_commit import GroupCommit
from application.errors import StoreUnavailable
from domain.decisions.decision import Decide, Decision
from domain.ids import SessionId
from domain.session.state import SessionState
from tests.contract.steps import deciding
from tests.factories import merge
from tests.simulation.virtual_loop import virtually
from tests.storage.scripted_store import POISON, ScriptedStore, unavailable

LIMITS = BatchLimits(
    timeout_seconds=30,
    batch_max=100,
    waiting_max=1000,
    decide_seconds_max=30,  # how a batch is cut must not depend on free CPU
    pause_seconds_min=0.0001,
)


@asynccontextmanager
async def committing(store: ScriptedStore, **limits: float) -> AsyncIterator[GroupCommit]:
    values = {name: getattr(LIMITS, name) for name in LIMITS.__slots__} | limits
    commit = GroupCommit(store, BatchLimits(**values), name="Script")
    try:
        yield commit
    finally:
        store.free()
        await commit.close()


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


async def take(commit: GroupCommit, session_id: str, name: str, value: object = 1) -> Decision:
    decide = deciding(merge({name: value}, session_id=SessionId(session_id)))
    return await commit.update(SessionId(session_id), decide)


def start(commit: GroupCommit, *updates: tuple[str, str]) -> "list[asyncio.Task[Decision]]":
    return [asyncio.create_task(take(commit, *update)) for update in updates]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


def kinds(answers: list[Decision | BaseException]) -> list[type]:
    return [type(answer) for answer in answers]


async def test_what_arrives_while_a_batch_is_under_way_is_the_next_batch(store: ScriptedStore) -> None:
    async with committing(store) as commit:
        store.stuck.add("a")
        first = start(commit, ("a", "v"))
        await until(lambda: store.exchanges)
        later = start(commit, ("b", "v"), ("c", "v"), ("a", "w"), ("b", "w"))
        await asyncio.sleep(0)
        store.free()
        decisions = await asyncio.gather(*first, *later)

    assert store.exchanges == [["a"], ["b", "c", "a"]]
    assert [decision.state.revision for decision in decisions if decision.state] == [1, 1, 1, 2, 2]


async def test_what_is_too_many_for_one_batch_is_in_the_next(store: ScriptedStore) -> None:
    async with committing(store, batch_max=4) as commit:
        await asyncio.gather(*start(commit, *[("a", f"v{n}") for n in range(6)], *[("b", "v"), ("c", "v")]))

    assert store.exchanges == [["a"], ["b", "c", "a"]]
    assert store.variables("a") == {f"v{n}" for n in range(6)}


async def test_what_is_too_large_for_one_write_is_in_the_next_and_little_is_read_in_vain(
    store: ScriptedStore,
) -> None:
    big = "x" * 1000
    async with committing(store, byte_size_max=10_000) as commit:
        await asyncio.gather(*(take(commit, f"s{n}", "v", big) for n in range(90)))

    assert len(store.records) == 90
    assert len(store.exchanges) > 90 / 10
    assert sum(map(len, store.exchanges)) < 90 * 3


async def test_what_is_larger_than_a_write_may_be_is_written_by_itself(store: ScriptedStore) -> None:
    async with committing(store, byte_size_max=10) as commit:
        await asyncio.gather(*(take(commit, f"s{n}", "v", "x" * 1000) for n in range(5)))

    assert len(store.records) == 5


async def test_what_takes_too_long_to_decide_is_in_the_next_batch(store: ScriptedStore) -> None:
    now = 0.0

    def slow(before: SessionState | None) -> Decision:
        nonlocal now
        now += 1
        return Decision(state=before)

    commit = GroupCommit(
        store,
        BatchLimits(timeout_seconds=30, batch_max=100, waiting_max=100, decide_seconds_max=3),
        name="Script",
        clock=lambda: now,
    )
    await asyncio.gather(*(commit.update(SessionId(f"s{n}"), slow) for n in range(12)))

    assert now == 12
    assert len(store.exchanges) == 4
    await commit.close()


async def test_a_batch_that_hangs_stops_nobody_else_and_a_session_is_in_one_batch_at_a_time(
    store: ScriptedStore,
) -> None:
    async with committing(store, under_way_max=2) as commit:
        store.stuck.add("stuck")
        waiting = start(commit, ("stuck", "v"))
        await until(lambda: store.exchanges)
        behind = start(commit, ("stuck", "w"))
        for number in range(5):
            await asyncio.gather(*start(commit, ("a", f"v{number}"), ("b", f"v{number}")))
        assert not any(task.done() for task in [*waiting, *behind])
        store.free()
        await asyncio.gather(*waiting, *behind)

    assert store.exchanges == [["stuck"], *[["a", "b"]] * 5, ["stuck"]]
    assert store.variables("stuck") == {"v", "w"}


async def test_one_batch_is_gathered_however_many_may_be_under_way(store: ScriptedStore) -> None:
    async with committing(store, under_way_max=8) as commit:
        await asyncio.gather(*start(commit, *((f"s{n}", "v") for n in range(20))))

    assert len(store.exchanges) == 1


async def test_a_lost_race_is_decided_anew_in_order_and_its_neighbours_are_not(store: ScriptedStore) -> None:
    store.losses["a"] = 3
    async with committing(store) as commit:
        lost = start(commit, ("a", "v0"), ("b", "v"), ("a", "v1"))
        await lost[1]
        later = start(commit, ("a", "v2"))
        decisions = await asyncio.gather(*lost, *later)

    revisions = [decision.state.revision for decision in decisions if decision.state]
    assert revisions == [1, 1, 2, 3]
    assert store.exchanges.count(["a"]) == 3
    assert sum("b" in exchange for exchange in store.exchanges) == 1


async def test_what_could_not_even_be_read_pauses_and_makes_no_batch_smaller(store: ScriptedStore) -> None:
    store.unread = 1
    async with committing(store, pause_seconds_min=0.2) as commit:
        tasks = start(commit, *((f"s{n}", "v") for n in range(20)))
        await until(lambda: commit._pauses)
        assert len(commit._pauses) == 20
        await asyncio.gather(*tasks)

        assert commit._batch_size == LIMITS.batch_max


async def test_only_the_callers_of_a_session_that_loses_every_race_are_told(store: ScriptedStore) -> None:
    store.losses["a"] = 1_000_000
    async with committing(store, timeout_seconds=0.1) as commit:
        lost, *neighbours = start(commit, ("a", "v"), *((f"s{n}", "v") for n in range(5)))
        await asyncio.gather(*neighbours)
        with pytest.raises(StoreUnavailable, match=r"session a was held or changed .*tries"):
            await lost
        store.losses.clear()
        await take(commit, "a", "w")

    assert store.variables("a") == {"w"}


def test_pauses_grow_to_a_bound_and_chance_shortens_them() -> None:
    limits = BatchLimits(
        timeout_seconds=1, batch_max=1, waiting_max=1, pause_seconds_min=1, pause_seconds_max=6
    )

    assert [limits.pause_seconds(losses, 0) for losses in (1, 2, 3, 4, 1000)] == [1, 2, 4, 6, 6]
    assert limits.pause_seconds(3, 0.5) == 3


async def test_sessions_that_are_held_wait_in_batches_of_their_own(store: ScriptedStore) -> None:
    held = [f"held{n}" for n in range(5)]
    store.held.update(held)
    async with committing(store, under_way_max=2) as commit:
        waiting = start(commit, *((name, "v") for name in held))
        for number in range(5):
            await asyncio.gather(*start(commit, ("a", f"v{number}"), ("b", f"v{number}")))
        assert not any(task.done() for task in waiting)
        together = [exchange for exchange in store.exchanges if len({*exchange} & {*held}) > 1]
        store.held.clear()
        await asyncio.gather(*waiting)

    assert len(together) == 1
    assert all(store.variables(name) == {"v"} for name in held)


async def test_held_sessions_that_hang_leave_a_batch_for_the_others(store: ScriptedStore) -> None:
    held = [f"held{n}" for n in range(5)]
    store.held.update(held)
    async with committing(store, under_way_max=3) as commit:
        waiting = start(commit, *((name, "v") for name in held))
        await until(lambda: {tuple(exchange) for exchange in store.exchanges} >= {(name,) for name in held})
        store.stuck.update(held)
        await until(lambda: len(store._under_way) == 2)
        for number in range(5):
            await asyncio.gather(*start(commit, ("a", f"v{number}"), ("b", f"v{number}")))
        assert not any(task.done() for task in waiting)
        store.held.clear()
        store.free()
        await asyncio.gather(*waiting)


async def test_one_that_cannot_be_written_fails_alone_and_is_found_in_few_steps(store: ScriptedStore) -> None:
    updates = [(f"s{n % 16}", f"v{n}") for n in range(64)]
    updates[37] = ("s5", POISON)
    async with committing(store) as commit:
        answers = await asyncio.gather(*start(commit, *updates), return_exceptions=True)
        await take(commit, "s5", "after")

    assert [n for n, answer in enumerate(answers) if not isinstance(answer, Decision)] == [37]
    assert isinstance(answers[37], StoreUnavailable)
    assert store.variables("s5") == {"v5", "v21", "v53", "after"}
    assert all(len(store.variables(f"s{n}")) == 4 for n in range(16))
    assert len(store.exchanges) <= 1 + 2 * (4 + 2) + 1


async def test_a_part_that_loses_keeps_its_place_before_what_came_later(store: ScriptedStore) -> None:
    async with committing(store) as commit:
        store.losses["s"] = 1
        answers = await asyncio.gather(
            *start(commit, *(("s", name) for name in ("a", "b", POISON, "c"))), return_exceptions=True
        )

    assert kinds(answers) == [Decision, Decision, StoreUnavailable, Decision]
    revisions = [one.state.revision for one in answers if isinstance(one, Decision) and one.state]
    assert revisions == [1, 2, 3]


async def test_a_store_that_does_not_answer_is_told_to_all_who_wanted_a_write(store: ScriptedStore) -> None:
    store.failures.append(unavailable())
    async with committing(store) as commit:
        reading = commit.update(SessionId("r"), lambda before: Decision(state=before))
        answers = await asyncio.gather(
            *start(commit, ("a", "v"), ("b", "v")), reading, return_exceptions=True
        )
        await take(commit, "a", "w")

    assert kinds(answers) == [StoreUnavailable, StoreUnavailable, Decision]
    assert store.variables("a") == {"w"}
    assert store.variables("b") == set()


async def test_a_fault_of_our_own_is_logged_and_told_and_survived(
    store: ScriptedStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.failures += [ZeroDivisionError("a value of a customer"), ZeroDivisionError()]
    async with committing(store) as commit:
        answers = await asyncio.gather(*start(commit, ("a", "v"), ("b", "v")), return_exceptions=True)

    assert kinds(answers) == [StoreUnavailable, Decision]
    assert str(answers[0]) == "Script: ZeroDivisionError"
    assert "a write failed for a reason of our own" in caplog.text


@pytest.mark.parametrize(
    ("raised", "reaches"), [(ZeroDivisionError, ZeroDivisionError), (StopIteration, RuntimeError)]
)
async def test_a_decision_that_raises_reaches_its_caller_alone(
    store: ScriptedStore, raised: type[Exception], reaches: type[Exception]
) -> None:
    def bad(_: SessionState | None) -> Decision:
        raise raised()

    async with committing(store) as commit:
        answers = await asyncio.gather(
            *start(commit, ("a", "v")),
            commit.update(SessionId("a"), bad),
            *start(commit, ("a", "w")),
            return_exceptions=True,
        )

    assert kinds(answers) == [Decision, reaches, Decision]
    assert store.variables("a") == {"v", "w"}


async def test_what_its_caller_has_given_up_is_not_decided(store: ScriptedStore) -> None:
    decided: list[str] = []

    def noting(name: str) -> Decide:
        def decide(before: SessionState | None) -> Decision:
            decided.append(name)
            return Decision(state=before)

        return decide

    async with committing(store, waiting_max=2) as commit:
        store.stuck.add("a")
        first = start(commit, ("a", "v"))
        await until(lambda: store.exchanges)
        tasks = [asyncio.create_task(commit.update(SessionId("b"), noting(name))) for name in ("x", "y")]
        await asyncio.sleep(0)
        tasks[0].cancel()
        store.free()
        await asyncio.gather(*first, *tasks, return_exceptions=True)

    assert decided == ["y"]


async def test_more_than_may_wait_are_turned_away_at_once(store: ScriptedStore) -> None:
    async with committing(store, waiting_max=3) as commit:
        store.stuck.add("a")
        first = start(commit, ("a", "v"))
        await until(lambda: store.exchanges)
        waiting = start(commit, ("a", "w"), ("b", "v"), ("c", "v"))
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="busy"):
            await take(commit, "d", "v")
        store.free()
        await asyncio.gather(*first, *waiting)
        await take(commit, "d", "v")

    assert store.variables("d") == {"v"}


async def test_callers_are_told_when_their_time_is_over_and_nothing_is_left_of_them(
    store: ScriptedStore,
) -> None:
    async with committing(store, timeout_seconds=0.05) as commit:
        store.stuck.add("a")
        answers = await asyncio.gather(
            *start(commit, ("a", "v"), ("a", "w"), ("b", "v")), return_exceptions=True
        )
        store.free()
        await take(commit, "c", "v")

        assert kinds(answers) == [StoreUnavailable] * 3
        assert {str(answer) for answer in answers} == {"Script did not answer in 0.05 s"}
        assert (commit._waiting, commit._queues, commit._busy, [*commit._ready]) == (0, {}, set(), [])


def test_each_caller_has_its_own_time_though_one_timer_watches_them_all() -> None:
    async def told() -> list[tuple[float, float]]:
        loop, store = asyncio.get_running_loop(), ScriptedStore()
        moments: list[tuple[float, float]] = []

        async def caller(comes_at: float, session_id: str) -> None:
            await asyncio.sleep(comes_at)
            with pytest.raises(StoreUnavailable, match="did not answer in 5 s"):
                await take(commit, session_id, "v")
            moments.append((comes_at, loop.time()))

        async with committing(store, timeout_seconds=5) as commit:
            store.stuck.add("a")
            callers = [asyncio.create_task(caller(at, f"{name}")) for at, name in [(0, "a"), *LATER]]
            await asyncio.sleep(4.5)
            timers = [timer for timer in vars(loop)["_scheduled"] if not timer.cancelled()]
            await asyncio.gather(*callers)
        assert len(timers) == 1
        return moments

    assert virtually(told()) == [(0, 5.0), (1, 6.0), (1, 6.0), (2.5, 7.5), (4, 9.0)]


LATER = [(1, "a"), (1, "b"), (2.5, "c"), (4, "b")]


async def test_a_caller_that_is_answered_leaves_its_place_in_the_watch(store: ScriptedStore) -> None:
    async with committing(store, timeout_seconds=300) as commit:
        store.stuck.add("a")
        (first,) = start(commit, ("a", "v"))
        await until(lambda: store.exchanges)
        cancelled, *_ = others = start(commit, ("a", "w"), ("b", "v"))
        await until(lambda: len(commit._unanswered) == 3)
        cancelled.cancel()
        store.free()
        await asyncio.gather(first, *others, return_exceptions=True)

        assert commit._unanswered == {}
        assert commit._alarm is not None
    assert commit._alarm is None


async def test_closing_answers_everybody_and_refuses_newcomers(store: ScriptedStore) -> None:
    store.losses["lost"] = 1_000_000
    async with committing(store, batch_max=2) as commit:
        tasks = start(commit, *((f"s{n}", "v") for n in range(6)), ("lost", "v"))
        await until(lambda: len(store.exchanges) > 1)
    answers = await asyncio.gather(*tasks, return_exceptions=True)

    assert kinds(answers) == [Decision] * 6 + [StoreUnavailable]
    with pytest.raises(StoreUnavailable, match="closed"):
        await take(commit, "x", "v")


@pytest.mark.parametrize("seed", range(10))
async def test_whatever_happens_each_is_answered_once_and_what_is_acknowledged_is_there_in_order(
    store: ScriptedStore, seed: int
) -> None:
    chance = random.Random(seed)
    limits = {"under_way_max": 3, "batch_max": 16, "byte_size_max": 3000}
    async with committing(store, **limits) as commit:
        tasks: list[tuple[str, str, asyncio.Task[Decision]]] = []
        for number in range(300):
            session_id, name = f"s{chance.randrange(8)}", f"v{number}"
            if chance.random() < 0.03:
                name = f"{POISON}{number}"
            if chance.random() < 0.1:
                store.losses[session_id] += chance.randrange(3)
            if chance.random() < 0.02:
                store.failures.append(chance.choice([unavailable(), ZeroDivisionError()]))
            if chance.random() < 0.05:
                store.held = {f"s{chance.randrange(8)}"}
            tasks.append((session_id, name, asyncio.create_task(take(commit, session_id, name))))
            if chance.random() < 0.2:
                await asyncio.sleep(0)
            if chance.random() < 0.05:
                chance.choice(tasks)[2].cancel()
        store.held = set()
        answers = await asyncio.gather(*(task for *_, task in tasks), return_exceptions=True)

    given = [(s, name, one) for (s, name, _), one in zip(tasks, answers, strict=True)]
    acknowledged = [(s, name, one) for s, name, one in given if isinstance(one, Decision)]
    assert len(acknowledged) > 150
    for session_id in {s for s, *_ in given}:
        mine = [(name, one.state.revision) for s, name, one in acknowledged if s == session_id and one.state]
        assert [revision for _, revision in mine] == sorted({revision for _, revision in mine})
        assert {name for name, _ in mine} <= store.variables(session_id)
        assert not any(POISON in name for name in store.variables(session_id))
