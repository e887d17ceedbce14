"""What was acknowledged is there after `kill -9`, and Genesys is told of it."""

import asyncio
import os

import pytest

from tests.e2e.conftest import StartService
from tests.e2e.load import posting, wait_until_all_delivered, wrongly_kept
from tests.e2e.service import EmulatorProcess

ROUNDS = int(os.environ.get("KEEPER_KILL_ROUNDS", "20"))
ACKNOWLEDGED_A_ROUND = 40


@pytest.mark.parametrize(
    ("store_url", "rounds", "arguments"),
    [
        ("sqlite", ROUNDS, []),
        ("postgresql", max(1, ROUNDS // 7), []),
        ("sqlite", max(1, ROUNDS // 10), ["--workers", "2"]),
    ],
    ids=["sqlite", "postgresql", "sqlite-workers"],
    indirect=["store_url"],
)
async def test_no_acknowledged_session_is_lost_when_the_service_is_killed(
    store_url: str,
    rounds: int,
    arguments: list[str],
    start_service: StartService,
    emulator: EmulatorProcess,
) -> None:
    service = await asyncio.to_thread(start_service, *arguments, over={"STORE_URL": store_url})

    async with posting(service) as load:
        for _ in range(rounds):
            await load.more(ACKNOWLEDGED_A_ROUND)
            await asyncio.to_thread(service.kill)
            await asyncio.to_thread(service.start)
        await load.more(ACKNOWLEDGED_A_ROUND)
    wrong = wrongly_kept(load, service)
    wait_until_all_delivered(load, service, emulator)

    assert wrong == {}
    assert load.acknowledged >= rounds * ACKNOWLEDGED_A_ROUND
    assert len(load.failures) >= rounds
    assert not [failure for failure in load.failures if failure[0].isdigit()]
