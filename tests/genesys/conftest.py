"""A client of Genesys before a server that answers as it is told, and the emulator of Genesys."""

from collections.abc import AsyncIterator, Iterator

import pytest
import stamina

from tests.genesys.clients import LIMITS, Caller, open_caller
from tests.genesys.emulator_server import RunningEmulator, running_emulator
from tests.genesys.scripted_server import ScriptedServer, scripted_server


@pytest.fixture
def no_waiting_between_attempts() -> Iterator[None]:
    with stamina.set_testing(True, attempts=LIMITS.attempts_max):
        yield


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with scripted_server() as server:
        yield server


@pytest.fixture
async def genesys(server: ScriptedServer) -> AsyncIterator[Caller]:
    async with open_caller(server.url) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as running:
        yield running


@pytest.fixture
def emulator(shared_emulator: RunningEmulator) -> RunningEmulator:
    """As new for each test."""
    shared_emulator.start_over()
    return shared_emulator


@pytest.fixture
def token(emulator: RunningEmulator) -> dict[str, str]:
    """The headers of a caller that has logged in."""
    return emulator.log_in()
