"""`session-keeper demo`, which is `make run`."""

import asyncio
import signal
import tempfile
from contextlib import suppress
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


def run_demo(*, events_max: int | None, events_per_second: float, port: int, emulator_port: int) -> int:
    """0 after `events_max` events when Genesys holds the newest state of every session, or after Ctrl-C."""
    with tempfile.TemporaryDirectory(prefix="session-keeper-demo-") as directory:
        try:
            return asyncio.run(_run(Path(directory), events_max, events_per_second, port, emulator_port))
        except DemoFailed as error:
            complain(str(error))
            return FAILED


async def _run(
    directory: Path, events_max: int | None, events_per_second: float, port: int, emulator_port: int
) -> int:
    console = Console()
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    console.print("Starting the service and the Genesys emulator …")
    running = asyncio.create_task(
        _run_with_processes(console, directory, events_max, events_per_second, port, emulator_port)
    )
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if running.done():
        return running.result()
    running.cancel()
    with suppress(asyncio.CancelledError):
        return await running
    console.print("Stopped.")
    return 0


async def _run_with_processes(
    console: Console, directory: Path, events_max: int | None, rate: float, port: int, emulator_port: int
) -> int:
    async with (
        demo_processes(directory, port=port, emulator_port=emulator_port) as places,
        httpx.AsyncClient(timeout=10.0, trust_env=False) as http,
    ):
        _say_where(console, places)
        with _Display(console) as display:
            demo = Demo(http, places, show=display.show)
            try:
                await demo.run(events_max=events_max, events_per_second=rate)
            except (TimeoutError, httpx.HTTPError) as error:
                raise DemoFailed(f"the demo did not settle: {type(error).__name__}") from error
            finally:
                display.close()
                console.print(demo.figures.table("What happened"))
        figures = demo.figures
        return 0 if figures.failures == 0 and figures.right == figures.compared else FAILED


def _say_where(console: Console, places: DemoPlaces) -> None:
    body = '{"sessionId":"mine","eventType":"message","context":{"step":"hello"}}'
    writes = f"{places.emulator_url}/emulator/writes"
    post = f"curl -X POST {places.service_url}/webhook/messaging -H 'content-type: application/json'"
    for line in (
        "",
        f"[bold]Service[/]   {places.service_url}         its API: {places.service_url}/schema",
        f"[bold]Genesys[/]   {places.emulator_url}         what it was told: {writes}",
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
    """One line that is renewed on a terminal; a line every few seconds elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=REFRESHES_PER_SECOND, transient=True)
        self._printed_at = float("-inf")

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def show(self, figures: Figures) -> None:
        if self._console.is_terminal:
            self._live.update(Text(figures.line()))
            return
        now = asyncio.get_running_loop().time()
        if now - self._printed_at >= LINE_SECONDS:
            self._printed_at = now
            self._console.print(figures.line(), highlight=False, soft_wrap=True)

    def close(self) -> None:
        if self._live.is_started:
            self._live.stop()
