"""Runs a scenario in virtual time and says what was wrong with it, if anything."""

import asyncio
import random
from dataclasses import dataclass, field

from adapters.memory.store import MemorySessionStore
from domain.context.variables import ContextVariables
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Policies
from domain.ids import SessionId
from domain.session.event import SessionEvent
from domain.session.state import SessionState
from domain.sync.state import SyncStatus
from tests.simulation.genesys_model import GenesysModel
from tests.simulation.scenario import Disturbance, Event, Scenario, scenario_of
from tests.simulation.virtual_loop import LoopClock, VirtualLoop
from tests.simulation.worker import SeededIds, Worker, start_worker

SETTLED_WITHIN_SECONDS = 900.0
LOOK_SECONDS = 10.0
QUIET_SECONDS = 300.0


@dataclass(slots=True)
class Report:
    """Attributes:
    wrong: each invariant that did not hold, in words.
    trace: what happened, with times; equal for equal seeds.
    """

    seed: int
    calls: int = 0
    changes: int = 0
    refused: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)


def simulate(seed: int) -> Report:
    loop = VirtualLoop()
    try:
        simulation = Simulation(scenario_of(seed))
        loop.run_until_complete(simulation.run())
        simulation.sweep_up(loop)
        simulation.report.wrong += [f"the event loop says: {fault}" for fault in loop.faults]
        return simulation.report
    finally:
        loop.close()


class Simulation:
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.report = Report(scenario.seed)
        self._dice = random.Random(f"steps of {scenario.seed}")
        self._ids = SeededIds(random.Random(f"ids of {scenario.seed}"))
        self._store = MemorySessionStore()
        self._model = GenesysModel(window=scenario.window, weather=scenario.weather, dice=self._dice)
        self._policies = Policies()
        self._workers: list[Worker] = []
        self._all_workers: list[Worker] = []
        self._started = 0

    async def run(self) -> None:
        for _ in range(self.scenario.workers):
            self._workers.append(self._start())
        happenings: list[Event | Disturbance] = [*self.scenario.events, *self.scenario.disturbances]
        for what in sorted(happenings, key=lambda one: one.at):
            await asyncio.sleep(max(0.0, what.at - self._now()))
            if isinstance(what, Event):
                await self._change(what)
            else:
                self._disturb(what)
        await asyncio.sleep(max(0.0, self.scenario.seconds - self._now()))
        self._clear_up()
        await self._settle()
        for worker in self._workers:
            await worker.shut_down()
        await self._judge()

    def sweep_up(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ends what is left of those who were killed."""
        for worker in self._all_workers:
            worker.line.go_on()
            worker.line.swept_up = True
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=100))

    def _start(self) -> Worker:
        name = f"worker-{self._started}"
        skew = self.scenario.skews[self._started % len(self.scenario.skews)]
        self._started += 1
        self._note(f"{name} starts")
        worker = start_worker(
            name,
            shared=self._store,
            store_weather=self.scenario.store_weather,
            model=self._model,
            policies=self._policies,
            dice=self._dice,
            ahead_seconds=skew,
        )
        self._all_workers.append(worker)
        return worker

    async def _change(self, what: Event) -> None:
        event = SessionEvent(
            session_id=SessionId(what.session_id),
            event_type="session-ended" if what.ends else "message",
            persistence_id=self._ids.persistence_id(),
            context=None if what.ends else ContextVariables.from_json({"n": self.report.changes}),
            ttl_seconds=what.ttl_seconds,
        )
        now = LoopClock().now()
        decision = await self._store.update(
            event.session_id, lambda before: decide_event(before, event, self._policies, now)
        )
        self.report.changes += 1
        self._note(f"{what.session_id} {decision.outcome}")
        worker = self._dice.choice(self._workers)
        if worker.alive:
            await worker.loop.sync_soon(event.session_id)

    def _disturb(self, what: Disturbance) -> None:
        worker = self._workers[what.worker]
        self._note(f"{what.kind} {worker.name} for {what.seconds:.3f}")
        loop = asyncio.get_running_loop()
        match what.kind:
            case "stop":
                worker.line.stop()
                loop.call_later(what.seconds, worker.line.go_on)
            case "kill":
                worker.kill()
                loop.call_later(what.seconds, self._replace, what.worker)
            case _:
                worker.leave()
                loop.call_later(what.seconds, self._replace, what.worker)

    def _replace(self, place: int) -> None:
        if not self._workers[place].alive:
            self._workers[place] = self._start()

    def _clear_up(self) -> None:
        self._note("it clears up")
        self.scenario.weather.clears_up()
        self.scenario.store_weather.clears_up()
        for place, worker in enumerate(self._workers):
            worker.line.go_on()
            self._replace(place)

    async def _settle(self) -> None:
        began = self._now()
        while self._now() - began < SETTLED_WITHIN_SECONDS:
            if all(self._is_settled(state) for state in await self._states()):
                break
            await asyncio.sleep(LOOK_SECONDS)
        self.report.seconds = self._now() - began

    def _is_settled(self, state: SessionState) -> bool:
        if state.sync.status is SyncStatus.PENDING:
            return False
        due_at = state.sync.due_at
        return due_at is None or (due_at - LoopClock().now()).total_seconds() > QUIET_SECONDS

    async def _states(self) -> list[SessionState]:
        names = sorted({event.session_id for event in self.scenario.events})
        states = [await self._store.read(SessionId(name), LoopClock().now()) for name in names]
        return [state for state in states if state is not None and state.has_context]

    async def _judge(self) -> None:
        report, model = self.report, self._model
        report.calls, report.refused = model.calls, len(model.refused_at)
        for state in await self._states():
            self._judge_session(state)
        for worker in self._workers:
            if worker.budget.figures().in_flight:
                report.wrong.append(f"{worker.name} left {worker.budget.figures().in_flight} calls in flight")
        if self.scenario.calm:
            if any(at > self.scenario.window.seconds for at in model.refused_at):
                report.wrong.append(f"429s without any fault, at {model.refused_at}")
            if model.calls > report.changes:
                report.wrong.append(f"{model.calls} calls for {report.changes} changes")

    def _judge_session(self, state: SessionState) -> None:
        name, sync, wrong = state.session_id, state.sync, self.report.wrong
        held = self._model.holds.get(name)
        if name in self.scenario.weather.refused_ids:
            if sync.status is not SyncStatus.FAILED or sync.due_at is not None:
                wrong.append(f"{name} was refused and is {sync.status}")
        elif sync.status is not SyncStatus.COMPLETED:
            wrong.append(f"{name} is {sync.status} after {self.report.seconds:.0f} s of good weather")
        elif held is None or held.fingerprint != state.fingerprint(self._policies.sync.target):
            wrong.append(f"{name}: Genesys holds an older state than the one that is said to be told")

    def _note(self, what: str) -> None:
        self.report.trace.append(f"{self._now():10.4f} {what}")

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
