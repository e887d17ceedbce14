"""Workers on PostgreSQL, killed and stopped at random, while Genesys has faults of its own."""

import asyncio
import os
import random
import time
from collections.abc import Callable

from tests.e2e.conftest import StartService
from tests.e2e.load import posting, wait_until_all_delivered, wrongly_kept
from tests.e2e.service import CommandProcess, EmulatorProcess, ServiceProcess
from tests.servers.processes import wait_until

ROUNDS = int(os.environ.get("KEEPER_CHAOS_ROUNDS", "8"))
SEED = int(os.environ.get("KEEPER_CHAOS_SEED", "1"))
PAUSE_SECONDS_MAX = 3.0
"""Longer than a lease, so that some workers go on when theirs has run out."""
FAULTS = ("503:0.1", "close-after:0.05", "close:0.05", "429=1:0.02", "500:0.03")


async def test_at_the_end_genesys_holds_the_newest_state_of_every_session(
    start_service: StartService,
    postgres_url: str,
    settings: dict[str, str],
    closing: Callable[[CommandProcess], None],
) -> None:
    chance = random.Random(SEED)
    emulator = EmulatorProcess("--rate-limit", "60", "--rate-window", "2", "--seed", str(SEED))
    closing(emulator)
    emulator.start()
    over = {"STORE_URL": postgres_url, "GENESYS_CALLS_PER_MINUTE": "1800", **emulator.settings_for_service}
    service = start_service("--no-worker", over=over)
    workers = [CommandProcess("worker", settings=settings | over) for _ in range(2)]
    for worker in workers:
        closing(worker)
        worker.start()
    emulator.faults(*FAULTS)

    async with posting(service, senders=2) as load:
        for _ in range(ROUNDS):
            await load.more(5)
            await asyncio.to_thread(_disturb, chance.choice(workers), chance)
    emulator.faults()
    wait_until_all_delivered(load, service, emulator)
    names = [name for name, sent in load.sessions.items() if sent.acknowledged >= 0]
    service.wait_until_synced(*names)

    assert load.failures == []
    assert wrongly_kept(load, service) == {}
    wait_until(
        lambda: _wrongly_delivered(names, service, emulator) == set(), "Genesys to hold the newest of all"
    )


def _disturb(worker: CommandProcess, chance: random.Random) -> None:
    if chance.random() < 0.5:
        worker.kill()
        worker.start()
        return
    worker.process.pause()
    time.sleep(chance.uniform(0.5, PAUSE_SECONDS_MAX))
    worker.process.resume()


def _wrongly_delivered(names: list[str], service: ServiceProcess, emulator: EmulatorProcess) -> set[str]:
    told = emulator.sessions()
    return {
        name
        for name in names
        if told[name]["step"] != (kept := service.read(name))["context"]["step"]
        or told[name]["persistence"]["persistenceId"] != kept["persistence"]["persistenceId"]
    }
