"""What an update costs on each store, without HTTP: 64 callers at a time, each with a next update at once.

    .venv/bin/python benchmarks/store_updates.py [--against OTHER_CHECKOUT] [--stores memory,sqlite]

Each store of each checkout is a process of its own that lives through all rounds; rounds of this checkout
and the other alternate. The best round counts, since what a busy machine adds is no property of a store.
CPU time is that of the whole process, its threads included.

`nothing` is group commit over a store that writes nothing, with decisions that decide nothing: what it costs
by itself. `rules` is a dictionary: decision and record alone, so that the rest of the others is the store's.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
STORES = ("nothing", "rules", "memory", "sqlite", "postgresql")
CALLERS = 64
SESSIONS = 500
UPDATES = 2_000
ROUNDS = 11

Update = Callable[[int], Any]
"""Starts the update with that number."""


def contexts(byte_size: int) -> list[dict[str, Any]]:
    """Plausible contexts of about so many bytes, all different in three variables."""
    context: dict[str, Any] = {}
    while len(json.dumps(context, ensure_ascii=False).encode()) < byte_size:
        context[f"line{len(context):03}"] = {
            "item": f"Stehlampe „Ölberg“ {len(context)}",
            "quantity": len(context) % 3 + 1,
            "price": 19.99,
            "notes": ["fragile", "gift\nwrapped"],
        }
    return [context | {"intent": f"i{n}", "step": n, "customer": {"id": n}} for n in range(50)]


def deciding(byte_size: int) -> Callable[[int], tuple[Any, Any]]:
    """A session and a decision about an event for it."""
    from domain.context.variables import ContextVariables
    from domain.decisions.apply_event import decide_event
    from domain.decisions.decision import Policies
    from domain.ids import PersistenceId, SessionId
    from domain.session.event import SessionEvent

    policies = Policies()
    variables = [ContextVariables.from_json(context) for context in contexts(byte_size)]

    def of_number(number: int) -> tuple[Any, Any]:
        session_id, now = SessionId(f"session-{number % SESSIONS:06}"), datetime.now(UTC)
        event = SessionEvent(
            session_id=session_id,
            event_type="message",
            persistence_id=PersistenceId(f"00000000-0000-4000-8000-{number:012}"),
            context=variables[number % len(variables)],
        )
        return session_id, lambda before: decide_event(before, event, policies, now)

    return of_number


@asynccontextmanager
async def open_nothing() -> AsyncIterator[Update]:
    from adapters.storage.batch import BatchLimits, BatchStore
    from adapters.storage.group_commit import GroupCommit
    from domain.decisions.decision import Decision
    from domain.ids import SessionId

    class Nothing(BatchStore):
        async def exchange(
            self, session_ids: Sequence[SessionId], decide: Callable[[Any], Any]
        ) -> Collection[SessionId]:
            decide({})
            await asyncio.sleep(0)
            return session_ids

    decision = Decision(state=None)
    ids = [SessionId(f"session-{number}") for number in range(SESSIONS)]
    limits = BatchLimits(timeout_seconds=5, batch_max=256, waiting_max=10_000)
    updates = GroupCommit(Nothing(), limits, name="nothing")
    yield lambda number: updates.update(ids[number % SESSIONS], lambda _: decision)
    await updates.close()


@asynccontextmanager
async def open_rules(byte_size: int) -> AsyncIterator[Update]:
    from adapters.storage.record import SessionRecord

    records: dict[Any, Any] = {}
    of_number = deciding(byte_size)

    async def update(number: int) -> None:
        session_id, decide = of_number(number)
        record = records.get(session_id)
        records[session_id] = SessionRecord.of(decide(record and record.state()).state)

    yield update


@asynccontextmanager
async def open_store(url: str, byte_size: int) -> AsyncIterator[Update]:
    from adapters.storage.backend import StoreLimits
    from entrypoints.stores import STORES as BACKENDS

    of_number = deciding(byte_size)
    async with BACKENDS.of(url).open(url, StoreLimits()) as store:
        yield lambda number: store.update(*of_number(number))


async def work(kind: str, url: str, byte_size: int) -> None:
    """Rounds in this process, one for each line of the standard input."""
    if kind == "nothing":
        opened = open_nothing()
    else:
        opened = open_rules(byte_size) if kind == "rules" else open_store(url, byte_size)
    async with opened as update:
        first = 0
        while sys.stdin.readline():
            numbers = iter(range(first, first + UPDATES))
            first += UPDATES

            async def caller(numbers: Iterator[int] = numbers) -> None:
                for number in numbers:
                    await update(number)

            wall, cpu = time.perf_counter(), time.process_time()
            await asyncio.gather(*(caller() for _ in range(CALLERS)))
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            print(json.dumps([1e6 * wall / UPDATES, 1e6 * cpu / UPDATES]), flush=True)


@contextmanager
def url_of(kind: str, checkout: Path) -> Iterator[str]:
    """The URL of an empty store, migrated by the checkout that will use it."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as directory:
            yield f"sqlite:///{directory}/sessions.db"
    elif kind == "postgresql":
        sys.path.insert(0, str(ROOT))
        from tests.servers.postgres import open_postgres_server

        with open_postgres_server("embedded") as server:
            url = server.create_database()
            command = [python_of(checkout), "-m", "entrypoints.cli", "migrate"]
            environment = {**os.environ, "PYTHONPATH": str(checkout), "SESSION_KEEPER_STORE_URL": url}
            subprocess.run(command, env=environment, check=True, cwd=checkout, stdout=subprocess.DEVNULL)
            yield url
    else:
        yield f"{kind}://"


def python_of(checkout: Path) -> str:
    own = checkout / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


@contextmanager
def worker(kind: str, checkout: Path, byte_size: int) -> Iterator[Callable[[], tuple[float, float]]]:
    """A process for a store of a checkout; each call is a round: wall and CPU microseconds per update."""
    with url_of(kind, checkout) as url:
        command = [python_of(checkout), __file__, "--work", kind, url, "--bytes", str(byte_size)]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(checkout)},
        )
        with process:
            stdin, stdout = process.stdin, process.stdout
            if stdin is None or stdout is None:
                raise AssertionError

            def one_round() -> tuple[float, float]:
                print(file=stdin, flush=True)
                wall, cpu = json.loads(stdout.readline())
                return wall, cpu

            one_round()  # makes the sessions
            yield one_round
            stdin.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--against", type=Path, help="another checkout")
    arguments.add_argument("--stores", default=",".join(STORES[:-1]), help=f"of {','.join(STORES)}")
    arguments.add_argument("--bytes", type=int, default=2_000, help="of a context")
    arguments.add_argument("--rounds", type=int, default=ROUNDS)
    arguments.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.work:
        kind, url = given.work
        asyncio.run(work(kind, url, given.bytes))
        return
    checkouts = [given.against.absolute(), ROOT] if given.against else [ROOT]
    print(f"contexts of {given.bytes} bytes, {CALLERS} callers, {SESSIONS} sessions, best of {given.rounds}")
    print(f"{'':12}{'checkout':40}{'updates/s':>10}{'CPU s per 1,000':>17}")
    for kind in given.stores.split(","):
        with ExitStack() as stack:
            workers = [stack.enter_context(worker(kind, each, given.bytes)) for each in checkouts]
            rounds = [[one_round() for one_round in workers] for _ in range(given.rounds)]
        for checkout, figures in zip(checkouts, zip(*rounds, strict=True), strict=True):
            wall, cpu = (min(each) for each in zip(*figures, strict=True))
            print(f"{kind:12}{checkout!s:40}{1e6 / wall:10,.0f}{cpu / 1e3:17.4f}", flush=True)


if __name__ == "__main__":
    main()
