"""Another process at a store: `python -m tests.contract.worker WHAT URL …`."""

import asyncio
import os
import random
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from adapters.sqlite.store import open_sqlite_store
from adapters.storage.backend import StoreLimits
from application.errors import StoreUnavailable
from application.ports.session_store import SessionStore
from domain.ids import SessionId
from entrypoints.stores import STORES
from tests.contract.reference_model import Happening
from tests.contract.steps import take, variables
from tests.factories import merge

AT_ONCE = 64
ARRIVAL_SECONDS = 100
TIMEOUT_SECONDS = 20.0
NOBODY = 65_534


def open_store(url: str) -> AbstractAsyncContextManager[SessionStore]:
    """Any that is registered, as a process of ours would."""
    return STORES.of(url).open(url, StoreLimits(connections_max=4, timeout_seconds=TIMEOUT_SECONDS))


def history(seed: str) -> list[Happening]:
    """Of one session; the same in every process."""
    chance = random.Random(seed)
    happenings = []
    for _ in range(chance.randint(4, 12)):
        seconds = float(chance.randint(0, 20))
        if chance.random() < 0.15:
            happenings.append(Happening(seconds=seconds, ends=True))
            continue
        names = chance.sample("abcdef", chance.randint(0, 3))
        variables = {name: chance.choice([None, 1, 2, "three"]) for name in names}
        happenings.append(
            Happening(seconds=seconds, merges=chance.random() < 0.8, variables=variables or None)
        )
    return happenings


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def send_until_answered(store: SessionStore, happening: Happening, session_id: str) -> None:
    """As a sender of webhooks does: what was answered with an error is sent again."""
    while True:
        try:
            await take(store, happening.event(session_id), seconds=ARRIVAL_SECONDS)
        except StoreUnavailable:
            await asyncio.sleep(0.02)
        else:
            return


async def all_of(work: Iterable[Awaitable[object]]) -> None:
    free = asyncio.Semaphore(AT_ONCE)

    async def one(awaitable: Awaitable[object]) -> None:
        async with free:
            await awaitable

    async with asyncio.TaskGroup() as tasks:
        for awaitable in work:
            tasks.create_task(one(awaitable))


@asynccontextmanager
async def opened_together(url: str, start: str) -> AsyncIterator[SessionStore]:
    """So that one that imports faster than the others is not through before they begin."""
    async with open_store(url) as store:
        say("ready")
        while not Path(start).exists():
            time.sleep(0.002)
        yield store


async def merge_variables(url: str, start: str, prefix: str, number: str) -> None:
    async with opened_together(url, start) as store:
        await all_of(take(store, merge({f"{prefix}{n}": n})) for n in range(int(number)))


async def deliver_histories(url: str, start: str, sessions: str, share: str, shares: str) -> None:
    """Every event of every session twice, shuffled and dealt out to the processes."""
    dealt = [
        (happening, f"s{number}")
        for number in range(int(sessions))
        for happening in [*history(f"s{number}"), *history(f"s{number}")]
    ]
    random.Random(1).shuffle(dealt)
    async with opened_together(url, start) as store:
        await all_of(
            send_until_answered(store, happening, session_id)
            for happening, session_id in dealt[int(share) :: int(shares)]
        )


async def acknowledge_for_ever(url: str, sessions: str, prefix: str) -> None:
    """Says each update once it is acknowledged: session and variable."""

    async def writer(store: SessionStore, number: int) -> None:
        for variable in count():
            session_id, name = SessionId(f"{sessions}{number}-{variable // 100}"), f"{prefix}{variable}"
            try:
                await take(store, merge({name: 1}, session_id=session_id))
            except StoreUnavailable:
                await asyncio.sleep(0.02)
                continue
            say(f"{session_id} {name}")

    async with open_store(url) as store, asyncio.TaskGroup() as tasks:
        for number in range(20):
            tasks.create_task(writer(store, number))


async def until_a_ping_fails(store: SessionStore, acknowledged: set[str]) -> None:
    """While writes go on failing; the first ones may still be outweighed by those that went through."""
    for number in count():
        with suppress(StoreUnavailable):
            await take(store, merge({"a": "x" * 4000}, session_id=SessionId(f"more{number}")))
            acknowledged.add(f"more{number}")
        try:
            await store.ping()
        except StoreUnavailable:
            return


async def fill_the_disk(path: str) -> None:
    """A limit on the size of files stands for a disk that is full: both end in a write that fails."""
    async with open_sqlite_store(Path(path), StoreLimits(timeout_seconds=1)) as store:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
        acknowledged = set[str]()
        try:
            for number in range(1000):
                await take(store, merge({"a": "x" * 4000}, session_id=SessionId(f"s{number}")))
                acknowledged.add(f"s{number}")
        except StoreUnavailable:
            say("full")
        await until_a_ping_fails(store, acknowledged)
        say("unready")
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        await take(store, merge({"a": 1}, session_id=SessionId("after")))
        say("again")
        acknowledged.add("after")
        there = {name for name in acknowledged if await variables(store, name) == {"a"}}
        entries = await store.audit_count()
    if acknowledged == there and entries == len(there):
        say("whole")


async def open_in_a_closed_directory(path: str) -> None:
    url = f"sqlite:///{path}"
    async with open_store(url) as store:
        await take(store, merge({"a": 1}))
    Path(path).parent.chmod(0o555)
    Path(path).chmod(0o644)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        async with open_store(url) as store:
            await take(store, merge({"b": 2}))
    except StoreUnavailable:
        say("told")


WHAT: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
    "merge": merge_variables,
    "histories": deliver_histories,
    "acknowledge": acknowledge_for_ever,
    "full_disk": fill_the_disk,
    "closed_directory": open_in_a_closed_directory,
}

if __name__ == "__main__":
    asyncio.run(WHAT[sys.argv[1]](*sys.argv[2:]))
