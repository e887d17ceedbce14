"""What a durable store does when many processes are at it, and when they are killed."""

import asyncio
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from application.ports.session_store import SessionStore
from domain.ids import SessionId
from tests.contract import worker
from tests.contract.happenings import SCALE
from tests.contract.reference_model import expected, seen
from tests.contract.steps import variables
from tests.factories import at
from tests.servers.processes import ChildProcess, run_directory, start_process, wait_until

PROJECT = Path(__file__).parents[2]
_numbers = count()


@contextmanager
def workers(what: str, *arguments_of_each: tuple[object, ...]) -> Iterator[list[ChildProcess]]:
    processes = [
        start_process(
            [sys.executable, "-m", "tests.contract.worker", what, *map(str, arguments)],
            output_path=run_directory() / f"contract-worker-{next(_numbers)}.log",
            directory=PROJECT,
        )
        for arguments in arguments_of_each
    ]
    try:
        yield processes
    finally:
        for process in processes:
            if process.is_running:
                process.kill()


def run_together(processes: list[ChildProcess], start: Path) -> None:
    wait_for_lines(processes, 1)
    start.touch()
    ends = [(process.wait(90), process.output()) for process in processes]
    assert ends == [(0, "ready\n")] * len(processes)


def run_alone(what: str, *arguments: object) -> str:
    """What a worker said that did one thing and ended well."""
    with workers(what, arguments) as (process,):
        assert process.wait(30) == 0, process.output()
    return process.output()


def has_said(process: ChildProcess, lines: int) -> bool:
    return process.output().count("\n") >= lines


def wait_for_lines(processes: list[ChildProcess], more: int) -> None:
    said = [process.output().count("\n") for process in processes]
    for process, before in zip(processes, said, strict=True):
        wait_until(
            partial(has_said, process, before + more),
            f"{more} lines",
            process=process,
            timeout_seconds=40,
        )


def acknowledged_by(process: ChildProcess) -> set[tuple[str, str]]:
    """What was said in whole lines; the last one may have been cut off."""
    lines = process.output().rpartition("\n")[0].splitlines()
    return {(session_id, name) for session_id, name in map(str.split, lines)}


async def missing(store: SessionStore, acknowledged: set[tuple[str, str]]) -> set[tuple[str, str]]:
    there = {
        (session_id, name)
        for session_id in {session_id for session_id, _ in acknowledged}
        for name in await variables(store, session_id)
    }
    return acknowledged - there


class ProcessContract:
    """Subclass it and give `store_url`, the URL of a migrated store, and its `kind`."""

    processes = 4
    sessions = 60

    @pytest.fixture
    def store_url(self) -> str:
        raise NotImplementedError

    async def test_merges_of_many_processes_into_one_session_are_all_there(
        self, store_url: str, tmp_path: Path
    ) -> None:
        each = 200 // self.processes
        arguments = [(store_url, tmp_path / "start", f"p{n}-", each) for n in range(self.processes)]
        with workers("merge", *arguments) as processes:
            await asyncio.to_thread(run_together, processes, tmp_path / "start")

        async with worker.open_store(store_url) as store:
            state = await store.read(SessionId("s"), at(0))
        assert state is not None
        assert state.revision == each * self.processes
        assert state.context.texts.keys() == {
            f"p{n}-{number}" for n in range(self.processes) for number in range(each)
        }

    async def test_what_many_processes_are_told_twice_in_any_order_ends_as_the_events_in_order(
        self, store_url: str, tmp_path: Path
    ) -> None:
        sessions = int(self.sessions * SCALE)
        arguments = [
            (store_url, tmp_path / "start", sessions, share, self.processes)
            for share in range(self.processes)
        ]
        with workers("histories", *arguments) as processes:
            await asyncio.to_thread(run_together, processes, tmp_path / "start")

        names = [f"s{number}" for number in range(sessions)]
        async with worker.open_store(store_url) as store:
            states = {name: await store.read(SessionId(name), at(worker.ARRIVAL_SECONDS)) for name in names}
        wrong = [name for name in names if seen(states[name]) != expected(worker.history(name))]
        assert wrong == []

    async def test_what_was_acknowledged_survives_the_killing_of_its_writer(self, store_url: str) -> None:
        chance = random.Random(3)
        acknowledged: set[tuple[str, str]] = set()
        for one in range(max(1, int(2 * SCALE))):
            written_before = len(acknowledged)
            with workers("acknowledge", (store_url, f"s{one}-", "a"), (store_url, f"s{one}-", "b")) as both:
                wait_for_lines(both, 40)
                await asyncio.sleep(chance.random() / 5)
                both[0].kill()
                wait_for_lines(both[1:], 20)
            acknowledged |= acknowledged_by(both[0]) | acknowledged_by(both[1])
            assert len(acknowledged) > written_before + 80

        async with worker.open_store(store_url) as store:
            assert await missing(store, acknowledged) == set()
