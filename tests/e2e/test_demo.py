"""The demo: ports that were asked for, what is left behind, and what it says of itself."""

import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.e2e.service import CommandProcess, run_command
from tests.servers.processes import wait_until

START = ["demo", "--port", "0", "--emulator-port", "0", "--rate", "500"]
READY = "Ctrl-C ends it."


def logs_of(demo: CommandProcess) -> Path:
    line = next(line for line in demo.output().splitlines() if line.startswith("Logs"))
    return Path(line.split()[1])


@pytest.mark.parametrize("option", ["--port", "--emulator-port"])
def test_a_port_that_was_asked_for_and_is_taken_ends_the_demo(option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_command("demo", option, port, "--events", "1")

    assert done.returncode == 1
    assert done.stderr == (
        f"session-keeper: port {port} is taken: give another {option}, or none, for any that is free\n"
    )


def test_the_demo_ends_well_and_leaves_nothing_behind(closing: Callable[[CommandProcess], None]) -> None:
    demo = CommandProcess(*START, "--events", "20", ready_text=READY)
    closing(demo)
    demo.start()
    logs = logs_of(demo)
    assert logs.exists()
    code = demo.process.wait(100)

    assert (code, logs.exists()) == (0, False), demo.output()
    assert "newest state at Genesys" in demo.output()
    assert "kept in" not in demo.output()


def test_the_demo_keeps_its_logs_when_something_failed(closing: Callable[[CommandProcess], None]) -> None:
    demo = CommandProcess(*START, "--events", "100000", ready_text=READY)
    closing(demo)
    demo.start()
    logs = logs_of(demo)
    for child in psutil.Process(demo.process.pid).children():
        if "serve" in child.cmdline():
            child.kill()
    wait_until(lambda: re.search(r"failures [1-9]", demo.output()) is not None, "failures to be counted")
    code = demo.stop()
    kept = {path.name for path in logs.iterdir()}
    shutil.rmtree(logs)

    assert code == 1
    assert f"logs and database are kept in {logs}" in demo.output()
    assert kept >= {"service.log", "emulator.log", "session-keeper-demo.db"}
