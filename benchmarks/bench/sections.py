"""The parts of a run. In each round every subject is visited once, and each round begins with another one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.bench.results import Commit, Results, figures
from benchmarks.bench.stores import Stores
from benchmarks.bench.subjects import Store, Subject
from benchmarks.bench.visits import visit

CONTEXT_BYTES: Final = (300, 2_000, 8_000)
CONNECTIONS: Final = (1, 64, 512)
PROCESSES: Final = (1, 2)
SHARES: Final = (0.5, 0.8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long a run takes. Load in a closed loop lasts whole seconds."""

    rounds_main: int
    rounds: int
    """Of the other sections."""
    warm_up_seconds: float
    seconds_main: float
    seconds: float


FULL: Final = Plan(rounds_main=7, rounds=3, warm_up_seconds=1, seconds_main=3, seconds=2)
QUICK: Final = Plan(rounds_main=2, rounds=1, warm_up_seconds=1, seconds_main=1, seconds=1)


@dataclass(frozen=True, slots=True)
class Run:
    plan: Plan
    subjects: list[Subject]
    stores: Stores
    results: Results
    say: Callable[[str], None]

    def rounds(self, section: str, count: int, *, sharing: bool = False) -> Iterator[tuple[int, Subject]]:
        """Turn about: no subject has the quiet, or the warm, place in every round. `sharing`: only those
        that take more than one process.
        """
        subjects = [subject for subject in self.subjects if subject.takes_processes or not sharing]
        for number in range(count):
            start = number * 3 % max(1, len(subjects))
            for subject in subjects[start:] + subjects[:start]:
                self.say(f"{section}, round {number + 1} of {count}: {subject.title}")
                yield number, subject


def measure_main(run: Run) -> None:
    """2 KB, 64 connections, one process, closed loop: throughput, latency, CPU and memory."""
    for number, subject in run.rounds("main", run.plan.rounds_main):
        with visit(subject, run.stores) as visited:
            visited.warm_up(run.plan.warm_up_seconds)
            run.results.samples.append(visited.closed("main", number, run.plan.seconds_main))


def measure_open(run: Run) -> None:
    """Latency at 50 % and 80 % of each one's own top rate: the median of the section `main`."""
    for number, subject in run.rounds("open", run.plan.rounds):
        top = figures(run.results.select("main", subject.name), "rate")
        if top is None or not top.median:
            continue
        with visit(subject, run.stores) as visited:
            visited.warm_up(run.plan.warm_up_seconds)
            for share in SHARES:
                sample = visited.opened("open", number, run.plan.seconds, share=share, rate=top.median)
                run.results.samples.append(sample)


def measure_sizes(run: Run) -> None:
    """Contexts of 0.3, 2 and 8 KB."""
    for number, subject in run.rounds("sizes", run.plan.rounds):
        with visit(subject, run.stores) as visited:
            for size in turned(CONTEXT_BYTES, number):
                visited.warm_up(run.plan.warm_up_seconds, context_bytes=size)
                sample = visited.closed("sizes", number, run.plan.seconds, context_bytes=size)
                run.results.samples.append(sample)


def measure_concurrency(run: Run) -> None:
    """1, 64 and 512 connections, and what one plain commit takes on the same disk."""
    commits: set[tuple[Store, int]] = set()
    for number, subject in run.rounds("concurrency", run.plan.rounds):
        if subject.store in {Store.SQLITE, Store.POSTGRESQL} and (subject.store, number) not in commits:
            commits.add((subject.store, number))
            took = round(run.stores.commit_ms(subject.store), 3)
            run.results.commits.append(Commit(store=subject.store.value, round=number, ms=took))
        with visit(subject, run.stores) as visited:
            visited.warm_up(run.plan.warm_up_seconds)
            for count in turned(CONNECTIONS, number):
                sample = visited.closed("concurrency", number, run.plan.seconds, connections=count)
                run.results.samples.append(sample)


def measure_processes(run: Run) -> None:
    """One and two server processes, where a subject can share its store between them."""
    for number, subject in run.rounds("processes", run.plan.rounds, sharing=True):
        for processes in turned(PROCESSES, number):
            with visit(subject, run.stores, processes=processes) as visited:
                visited.warm_up(run.plan.warm_up_seconds)
                run.results.samples.append(visited.closed("processes", number, run.plan.seconds))


SECTIONS: Final[dict[str, Callable[[Run], None]]] = {
    "main": measure_main,
    "open": measure_open,
    "sizes": measure_sizes,
    "concurrency": measure_concurrency,
    "processes": measure_processes,
}


def turned(values: tuple[int, ...], number: int) -> tuple[int, ...]:
    start = number % len(values)
    return values[start:] + values[:start]
