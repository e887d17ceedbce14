"""Processes for a test, stopped at its end."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.service import QUICK, CommandProcess, EmulatorProcess, ServiceProcess, run_command

StartService = Callable[..., ServiceProcess]


@pytest.fixture(scope="session")
def session_emulator() -> Iterator[EmulatorProcess]:
    emulator = EmulatorProcess("--rate-limit", "0")
    emulator.start()
    yield emulator
    emulator.close()


@pytest.fixture
def emulator(session_emulator: EmulatorProcess) -> EmulatorProcess:
    """Like a new one, without a rate limit."""
    session_emulator.reset()
    return session_emulator


@pytest.fixture
def settings(tmp_path: Path, emulator: EmulatorProcess) -> dict[str, str]:
    """Quick ones, with a SQLite file and the emulator."""
    return QUICK | emulator.settings_for_service | {"STORE_URL": f"sqlite:///{tmp_path}/keeper.db"}


@pytest.fixture
def postgres_url(postgres_database: str) -> str:
    """A migrated database."""
    done = run_command("migrate", settings={"STORE_URL": postgres_database})
    assert done.returncode == 0, done.stderr
    return postgres_database


@pytest.fixture
def store_url(request: pytest.FixtureRequest, settings: dict[str, str]) -> str:
    """To be parametrized indirectly with sqlite or postgresql."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return settings["STORE_URL"]


@pytest.fixture
def closing() -> Iterator[Callable[[CommandProcess], None]]:
    """Takes processes that are to be killed at the end of the test, if they still run."""
    with ExitStack() as stack:

        def close_at_end(process: CommandProcess) -> None:
            stack.callback(process.close)

        yield close_at_end


@pytest.fixture
def start_service(settings: dict[str, str], closing: Callable[[CommandProcess], None]) -> StartService:
    """Starts `session-keeper serve` with arguments, and settings over the usual ones."""

    def start(*arguments: str, over: dict[str, str] | None = None, **more: Any) -> ServiceProcess:
        service = ServiceProcess(*arguments, settings=settings | (over or {}), **more)
        closing(service)
        service.start()
        return service

    return start
