"""A client of Genesys in front of a server that answers as it is told."""

from collections.abc import AsyncIterator, Iterator

import pytest
import stamina

from tests.genesys.clients import LIMITS, Caller, open_caller
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
