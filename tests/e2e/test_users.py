"""The service needs no rights: it runs as root and as anybody else."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.e2e.service import CommandProcess, EmulatorProcess, ServiceProcess
from tests.servers.postgres import NOBODY, WITHOUT_ROOT_BY_USER
from tests.servers.processes import run_directory

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def python_of_nobody() -> list[str]:
    """A Python that nobody may start: not every one may look into the home of the one who tests."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can be another user")
    for python in (sys.executable, "/usr/bin/python3"):
        command = [*WITHOUT_ROOT_BY_USER, python]
        probe = [*command, "-c", "import entrypoints.container"]
        if subprocess.run(probe, env=_environment(), capture_output=True, check=False).returncode == 0:
            return command
    pytest.skip("nobody can start no Python that has what the service needs")


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": f"{PROJECT}:{sysconfig.get_path('purelib')}", "HOME": "/nonexistent"}


def test_nobody_can_run_it_on_a_file_of_their_own(
    python_of_nobody: list[str],
    settings: dict[str, str],
    emulator: EmulatorProcess,
    closing: Callable[[CommandProcess], None],
) -> None:
    directory = run_directory() / "of-nobody"
    directory.mkdir(mode=0o700)
    os.chown(directory, NOBODY, NOBODY)
    service = ServiceProcess(
        settings=settings | {"STORE_URL": "sqlite:///keeper.db"},
        before=[*python_of_nobody, "-B", "-m", "entrypoints.cli"],
        directory=directory,
        variables=_environment(),
    )
    closing(service)
    service.start()

    service.post("chat-1", {"step": 1})
    service.wait_until_synced("chat-1")

    assert psutil.Process(service.process.pid).uids().effective == NOBODY
    assert (directory / "keeper.db").stat().st_uid == NOBODY
    assert emulator.sessions()["chat-1"]["step"] == 1
    assert service.stop() == 0
