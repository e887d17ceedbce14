"""What it costs to tell Genesys of 200 sessions that change 10 times each within a minute.

Run it with `.venv/bin/python benchmarks/sync_engine.py`: our engine beside policies that try every
update again by itself, against a model of Genesys' rate window (300 calls a minute) in virtual time.
With `--emulator` our engine is run in real time against the Genesys emulator over HTTP, with a window
of 6 instead of 60 seconds, and updates that come ten times as fast.

The plot `sync_engine.svg` shows how many sessions Genesys has wrong as time goes by.
"""

import argparse
import asyncio
import logging
import random
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from adapters.memory.store import MemorySessionStore
from application.sync.loop import SyncLoopPolicy
from benchmarks.sync_plot import line_chart
from benchmarks.sync_policies import POLICIES, RetryEachUpdate
from domain.context.variables import ContextVariables
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Policies
from domain.ids import PersistenceId, SessionId
from domain.session.event import SessionEvent
from tests.simulation.genesys_model import GenesysModel, Weather
from tests.simulation.genesys_window import ModelWindow
from tests.simulation.virtual_loop import LoopClock, virtually
from tests.simulation.worker import StoreWeather, start_worker

SESSIONS: Final = 200
UPDATES: Final = 10
SECONDS: Final = 60.0
CALLS_PER_MINUTE: Final = 300
LATENCY_SECONDS: Final = 0.2
SEED: Final = 1
PLOT: Final = Path(__file__).with_suffix(".svg")
UNTIL_SECONDS: Final = 420


@dataclass
class Result:
    name: str
    calls: int = 0
    refused: int = 0
    lost: int = 0
    overwritten: int = 0
    wrong: int = SESSIONS
    converged_at: float = 0.0
    wrong_over_time: list[tuple[float, float]] = field(default_factory=list)


@dataclass
class Copies:
    """The newest version of each session, and what Genesys holds of it."""

    newest: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)

    @property
    def wrong(self) -> int:
        return sum(self.held.get(session) != version for session, version in self.newest.items())


def updates(scale: float = 1.0) -> list[tuple[float, str]]:
    dice = random.Random(SEED)
    found = [
        (dice.uniform(0, SECONDS) * scale, f"s{number}") for number in range(SESSIONS) for _ in range(UPDATES)
    ]
    return sorted(found)


async def send_updates(
    update: Callable[[str, int], Awaitable[None]], copies: Copies, scale: float = 1.0
) -> None:
    """Calls `update` with session and version as time goes by."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for at, session in updates(scale):
        await asyncio.sleep(max(0.0, began + at - loop.time()))
        copies.newest[session] = copies.newest.get(session, 0) + 1
        await update(session, copies.newest[session])


async def watch(copies: Copies, result: Result, seconds: float, step: float = 1.0) -> None:
    began = asyncio.get_running_loop().time()
    while (now := asyncio.get_running_loop().time() - began) < seconds:
        result.wrong_over_time.append((now, copies.wrong))
        if copies.wrong:
            result.converged_at = now
        await asyncio.sleep(step)
    result.wrong = copies.wrong


async def run_policy(policy: RetryEachUpdate) -> Result:
    result, copies, dice = Result(policy.name), Copies(), random.Random(SEED)
    window, running = ModelWindow(allowed=CALLS_PER_MINUTE), []

    async def call(session: str, version: int) -> int | None:
        await asyncio.sleep(dice.random() * LATENCY_SECONDS / 2)
        accepted, _, reset = window.call(asyncio.get_running_loop().time())
        result.calls += 1
        result.refused += not accepted
        if accepted:
            result.overwritten += copies.held.get(session, 0) > version
            copies.held[session] = version
        await asyncio.sleep(dice.random() * LATENCY_SECONDS / 2)
        return None if accepted else max(1, reset)

    async def tell(session: str, version: int) -> None:
        if not await policy.tell(call, session, version, dice):
            result.lost += 1

    async def update(session: str, version: int) -> None:
        running.append(asyncio.create_task(tell(session, version)))

    sending = asyncio.create_task(send_updates(update, copies))
    await watch(copies, result, UNTIL_SECONDS)
    await asyncio.gather(sending, *running)
    return result


async def run_engine(processes: int) -> Result:
    """Our engine, with so many processes that Genesys counts together."""
    result = Result(f"Session Keeper, {processes} process{'es' if processes > 1 else ''}")
    copies, store, dice, clock = Copies(), MemorySessionStore(), random.Random(SEED), LoopClock()
    model = Watched(copies, result, dice)
    workers = [
        start_worker(
            f"worker-{number}",
            shared=store,
            store_weather=StoreWeather(latency_max=0.005),
            model=model,
            policies=Policies(),
            dice=dice,
            policy=SyncLoopPolicy(),
        )
        for number in range(processes)
    ]

    async def update(session: str, version: int) -> None:
        what = event(session, version)
        await store.update(what.session_id, lambda state: decide_event(state, what, Policies(), clock.now()))
        await dice.choice(workers).loop.sync_soon(what.session_id)

    sending = asyncio.create_task(send_updates(update, copies))
    await watch(copies, result, UNTIL_SECONDS)
    await sending
    for worker in workers:
        await worker.shut_down()
    result.calls, result.refused = model.calls, len(model.refused_at)
    return result


class Watched(GenesysModel):
    """The model, with versions for the table."""

    def __init__(self, copies: Copies, result: Result, dice: random.Random) -> None:
        super().__init__(
            window=ModelWindow(allowed=CALLS_PER_MINUTE),
            weather=Weather(latency_max=LATENCY_SECONDS),
            dice=dice,
        )
        self._copies = copies
        self._result = result

    def takes(self, copy) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - as in the model
        version = int(copy.texts["version"])
        self._result.overwritten += self._copies.held.get(copy.session_id, 0) > version
        self._copies.held[copy.session_id] = version


def event(session: str, version: int) -> SessionEvent:
    return SessionEvent(
        session_id=SessionId(session),
        event_type="message",
        persistence_id=PersistenceId(f"{session}-{version}".rjust(36, "0")),
        context=ContextVariables.from_json({"version": version}),
    )


def show(results: list[Result], seconds: list[float]) -> None:
    print(
        f"{'policy':32}{'calls':>7}{'429s':>7}{'lost':>7}{'older over newer':>18}{'wrong at end':>14}"
        f"{'right after':>13}{'took':>8}"
    )
    for result, took in zip(results, seconds, strict=True):
        right = "never" if result.wrong else f"{result.converged_at:.0f} s"
        print(
            f"{result.name:32}{result.calls:7}{result.refused:7}{result.lost:7}{result.overwritten:18}"
            f"{result.wrong:14}{right:>13}{took:7.1f}s"
        )


def main() -> None:
    logging.disable()
    parser = argparse.ArgumentParser(description="The sync engine beside plain retries")
    parser.add_argument("--emulator", action="store_true", help="over HTTP and in real time")
    if parser.parse_args().emulator:
        from benchmarks.sync_emulator import run_emulator

        began = time.perf_counter()
        result = run_emulator()
        show([result], [time.perf_counter() - began])
        return
    runs: list[Callable[[], Coroutine[Any, Any, Result]]]
    runs = [*(partial(run_policy, policy) for policy in POLICIES)]
    runs += [partial(run_engine, processes) for processes in (1, 3)]
    results, seconds = [], []
    for run in runs:
        began = time.perf_counter()
        results.append(virtually(run()))
        seconds.append(time.perf_counter() - began)
    show(results, seconds)
    title = (
        f"Sessions that Genesys has wrong: {SESSIONS} sessions, {UPDATES} updates each, 300 calls a minute"
    )
    lines = {result.name: result.wrong_over_time for result in results}
    PLOT.write_text(line_chart(title, "seconds", lines), encoding="utf-8")
    print(f"plot: {PLOT.name}")


if __name__ == "__main__":
    main()
