"""`session-keeper demo`, which is `make run`."""

import asyncio
import shutil
import signal
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx
from rich.console import Console
from rich.live import Live
from rich.text import Text

from entrypoints.commands.start import FAILED, complain
from entrypoints.demo.figures import Figures
from entrypoints.demo.processes import DemoFailed, DemoPlaces, demo_processes
from entrypoints.demo.run import Demo

LINE_SECONDS = 5.0
REFRESHES_PER_SECOND = 4


def run_demo(
    *, events_max: int | None, events_per_second: float, port: int | None, emulator_port: int | None
) -> int:
    """0 after `events_max` events when Genesys holds the newest state of every session, or after Ctrl-C.

    The logs and the database are kept when something failed.
    """
    directory = Path(tempfile.mkdtemp(prefix="session-keeper-demo-"))
    order = _Order(events_max, events_per_second, port, emulator_port)
    code = FAILED
    try:
        code = asyncio.run(_run(directory, order))
    except DemoFailed as error:
        complain(str(error))
    finally:
        if code == 0 or not any(directory.iterdir()):
            shutil.rmtree(directory, ignore_errors=True)
        else:
            complain(f"logs and database are kept in {directory}")
    return code


@dataclass(frozen=True, slots=True)
class _Order:
    """What was asked for."""

    events_max: int | None
    events_per_second: float
    port: int | None
    emulator_port: int | None


async def _run(directory: Path, order: _Order) -> int:
    console = Console()
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    console.print("Starting the service and the Genesys emulator …")
    figures = Figures()
    running = asyncio.create_task(_run_with_processes(console, directory, order, figures))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not running.done():
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        console.print("Stopped.")
    else:
        running.result()
    return 0 if figures.well else FAILED


async def _run_with_processes(console: Console, directory: Path, order: _Order, figures: Figures) -> None:
    async with (
        demo_processes(directory, port=order.port, emulator_port=order.emulator_port) as places,
        httpx.AsyncClient(timeout=10.0, trust_env=False) as http,
    ):
        _say_where(console, places)
        with _Display(console) as display:
            demo = Demo(http, places, figures=figures, show=display.show)
            try:
                await demo.run(events_max=order.events_max, events_per_second=order.events_per_second)
            except httpx.HTTPError as error:
                raise DemoFailed(f"a process of the demo does not answer: {type(error).__name__}") from error
            finally:
                display.close()
                console.print(figures.table("What happened"))
                for line in figures.differences:
                    console.print(f"  {line}", highlight=False, soft_wrap=True, markup=False)


def _say_where(console: Console, places: DemoPlaces) -> None:
    body = '{"sessionId":"mine","eventType":"message","context":{"step":"hello"}}'
    writes = f"{places.emulator_url}/emulator/writes"
    post = f"curl -X POST {places.service_url}/webhook/messaging -H 'content-type: application/json'"
    for line in (
        "",
        f"[bold]Service[/]   {places.service_url}         its API: {places.service_url}/schema",
        f"[bold]Genesys[/]   {places.emulator_url}         what it was given: {writes}",
        f"[bold]Database[/]  {places.database}",
        f"[bold]Logs[/]      {places.logs}",
        "",
        "Try it:",
    ):
        console.print(line, highlight=False, soft_wrap=True)
    for command in (f"{post} -d '{body}'", f"curl {places.service_url}/sessions/mine"):
        console.print(f"  {command}", highlight=False, soft_wrap=True, markup=False)
    console.print("\nCtrl-C ends it.\n", highlight=False)


class _Display:
    """One line that is renewed on a terminal; a line every few seconds elsewhere, and what is new to say."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=REFRESHES_PER_SECOND, transient=True)
        self._printed_at = float("-inf")
        self._remarked = False

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def show(self, figures: Figures) -> None:
        remark = figures.remark()
        if self._console.is_terminal:
            self._live.update(Text("\n".join([figures.line(), *([] if remark is None else [remark])])))
            return
        now = asyncio.get_running_loop().time()
        if now - self._printed_at >= LINE_SECONDS:
            self._printed_at = now
            self._console.print(figures.line(), highlight=False, soft_wrap=True)
            if remark is not None and not self._remarked:
                self._remarked = True
                self._console.print(remark, highlight=False, soft_wrap=True)

    def close(self) -> None:
        if self._live.is_started:
            self._live.stop()
