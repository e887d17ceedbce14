"""Several server processes behind one socket, replaced when they die, stopped together. POSIX only."""

import asyncio
import ctypes
import logging
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from adapters.asgi_server.server import CannotListen, bind_listener, server_url

logger = logging.getLogger("session_keeper.server")

START_SECONDS = 5.0  # a process that lived longer had started
PAUSE_SECONDS_MIN = 0.5
PAUSE_SECONDS_MAX = 30.0
CLOSE_SECONDS = 5.0  # after the drain, for the application to close what it opened
READY_TICK_SECONDS = 0.05
PR_SET_PDEATHSIG = 1


def run_workers(
    child_command: Callable[[int], Sequence[str]],
    *,
    count: int,
    host: str,
    port: int,
    drain_seconds_max: float,
    on_ready: Callable[[str], None] | None = None,
    companion: Sequence[str] | None = None,
    pass_fds: Sequence[int] = (),
) -> int:
    """Keep `count` child processes serving on one address until SIGTERM or SIGINT; the exit code.

    `child_command` makes a child's command line from the number of an inherited file descriptor: a bound
    socket, to be given as `socket.socket(fileno=...)` to `run_server`, on which the children listen. A
    child should exit with 0 on SIGTERM, within `drain_seconds_max` and a few seconds; then it is killed.

    `companion` is the command line of one more process, which does not listen: it is started once a child
    listens, replaced and stopped like the children. All inherit the descriptors `pass_fds`; the socket is
    not given to the companion.

    0 after a stop; 1 when the address is not to be had, when no child is left and all failed to start
    (ended by themselves within 5 s), or when children had to be killed.
    """
    try:
        listener = bind_listener(host, port)
    except CannotListen as error:
        sys.stderr.write(f"session-keeper: {error}\n")
        return 1
    with listener:
        supervisor = Supervisor(
            child_command,
            listener,
            count,
            drain_seconds_max + CLOSE_SECONDS,
            companion=companion,
            pass_fds=pass_fds,
        )
        return asyncio.run(supervisor.run(on_ready))


class Supervisor:
    def __init__(
        self,
        child_command: Callable[[int], Sequence[str]],
        listener: socket.socket,
        count: int,
        stop_seconds_max: float,
        *,
        companion: Sequence[str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self._child_command = child_command
        self._listener = listener
        self._count = count
        self._stop_seconds_max = stop_seconds_max
        self._companion = companion
        self._pass_fds = pass_fds
        self._children: dict[asyncio.subprocess.Process, str] = {}  # with what they are called
        self._serving = 0
        self._failed_starts = 0
        self._gave_up = False
        self._stopping = asyncio.Event()
        self._impatient = asyncio.Event()

    async def run(self, on_ready: Callable[[str], None] | None) -> int:
        loop = asyncio.get_running_loop()
        for sig in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sig, self._stop, sig)
        serve = [*self._child_command(self._listener.fileno())]
        keepers = [
            asyncio.create_task(self._keep_running(f"server process {number}", serve))
            for number in range(self._count)
        ]
        if self._companion is not None:
            keepers.append(asyncio.create_task(self._keep_companion(self._companion)))
        announcing = asyncio.create_task(self._announce(on_ready))
        stopping: asyncio.Future[Any] = asyncio.create_task(self._stopping.wait())
        # A keeper ends before the stop only with an exception, which is raised when all are awaited.
        await asyncio.wait({stopping, *keepers}, return_when=asyncio.FIRST_COMPLETED)
        self._stopping.set()
        announcing.cancel()
        self._listener.close()
        for child in self._children:
            signal_child(child, signal.SIGTERM)
        killed = await self._wait_or_kill(keepers)
        return 1 if killed or self._gave_up else 0

    def _stop(self, sig: signal.Signals) -> None:
        if self._stopping.is_set() and sig == signal.SIGINT:
            self._impatient.set()
        self._stopping.set()

    async def _announce(self, on_ready: Callable[[str], None] | None) -> None:
        await self._listening()
        if on_ready is not None:
            on_ready(server_url(self._listener))

    async def _listening(self) -> None:
        """Wait for the first child that listens: it is the same socket here."""
        while not (  # noqa: ASYNC110 - a change in the kernel sets no event
            self._stopping.is_set() or self._listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        ):
            await asyncio.sleep(READY_TICK_SECONDS)

    async def _keep_companion(self, command: Sequence[str]) -> None:
        await self._listening()
        await self._keep_running("companion process", command, listens=False)

    async def _keep_running(self, name: str, command: Sequence[str], *, listens: bool = True) -> None:
        pause_seconds = PAUSE_SECONDS_MIN
        while not self._stopping.is_set():
            self._serving += listens
            code, seconds = await self._run_child(name, command, listens=listens)
            self._serving -= listens
            if self._stopping.is_set():
                return
            if seconds >= START_SECONDS:
                self._failed_starts = 0 if listens else self._failed_starts
                pause_seconds = PAUSE_SECONDS_MIN
            elif code > 0:
                self._failed_starts += listens
            if listens and self._failed_starts >= self._count and not self._serving:
                self._gave_up = True
                logger.error("no server process starts, the last ended with %d: giving up", code)
                self._stopping.set()
                return
            logger.warning("%s ended with %d, again in %.1f s", name, code, pause_seconds)
            await self._pause(pause_seconds)
            pause_seconds = min(pause_seconds * 2, PAUSE_SECONDS_MAX)

    async def _run_child(self, name: str, command: Sequence[str], *, listens: bool) -> tuple[int, float]:
        """Run one child to its end; its exit code (negative: a signal) and for how long it ran."""
        clock = asyncio.get_running_loop().time
        started = clock()
        child = await asyncio.create_subprocess_exec(
            *command,
            # Who does not listen would keep the socket open for a while after all others closed it.
            pass_fds=[*([self._listener.fileno()] if listens else []), *self._pass_fds],
            stdin=asyncio.subprocess.DEVNULL,
            preexec_fn=prepare_child(),
        )
        logger.info("%s started: pid=%d", name, child.pid)
        self._children[child] = name
        if self._stopping.is_set():  # the signal came while the child was being started
            signal_child(child, signal.SIGTERM)
        code = await child.wait()
        del self._children[child]
        return code, clock() - started

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _wait_or_kill(self, keepers: list[asyncio.Task[None]]) -> bool:
        ended: asyncio.Future[Any] = asyncio.gather(*keepers)
        impatient: asyncio.Future[Any] = asyncio.create_task(self._impatient.wait())
        await asyncio.wait(
            {ended, impatient}, timeout=self._stop_seconds_max, return_when=asyncio.FIRST_COMPLETED
        )
        impatient.cancel()
        killed = bool(self._children)
        for child, name in self._children.items():
            logger.warning("%s did not stop, killed: pid=%d", name, child.pid)
            signal_child(child, signal.SIGKILL)
        await ended
        return killed


def signal_child(child: asyncio.subprocess.Process, sig: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it ended in this moment
        child.send_signal(sig)


def prepare_child() -> Callable[[], object]:
    """What a child of ours does first.

    Ctrl-C reaches every process of a terminal, also one that still starts and would end with a stack. It
    is ignored until the child sets a handler: a stop comes from us, as SIGTERM.
    """
    die = die_with_parent()

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if die is not None:
            die()

    return prepare


def die_with_parent() -> Callable[[], object] | None:
    """What a child does first, on Linux: ask for SIGTERM when its parent is gone, killed for instance."""
    if sys.platform != "linux":
        return None
    # Looked up before the fork, after which as little as possible should happen.
    return partial(ctypes.CDLL(None).prctl, PR_SET_PDEATHSIG, signal.SIGTERM)
