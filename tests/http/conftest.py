"""A running service for every test that asks for one."""

from collections.abc import AsyncIterator

import pytest

from tests.http.keeper import Keeper, running_keeper


@pytest.fixture
async def keeper() -> AsyncIterator[Keeper]:
    async with running_keeper() as running:
        yield running
