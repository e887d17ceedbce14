"""An event loop whose time jumps to the next thing that is planned: hours pass in no time."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from application.ports.runtime import Clock
from tests.factories import START

P = ParamSpec("P")
T = TypeVar("T")


class NothingPlanned(Exception):
    """Everything waits for something that nothing is going to do."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Without sockets, pipes, signals or threads."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = self
        self._seconds = 0.0
        self.faults: list[str] = []
        self.set_exception_handler(lambda _, context: self.faults.append(str(context["message"])))

    def time(self) -> float:
        return self._seconds

    def select(self, timeout: float | None) -> list[object]:
        if timeout is None:
            raise NothingPlanned
        self._seconds += timeout
        return []

    def _process_events(self, event_list: list[object]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


class LoopClock(Clock):
    """The wall clock that belongs to the loop's time."""

    def __init__(self, *, ahead_seconds: float = 0.0) -> None:
        self._ahead = timedelta(seconds=ahead_seconds)

    def now(self) -> datetime:
        return START + self._ahead + timedelta(seconds=asyncio.get_running_loop().time())


def virtually(work: Coroutine[Any, Any, T]) -> T:
    """Runs this to its end; tasks that are left over are dropped as they stand."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work)
    finally:
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.close()


def in_virtual_time(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """A test that is to run virtually: for pytest a plain function, with the parameters it had."""

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return virtually(work(*args, **kwargs))

    return run
