"""Senders that post without a pause, and know what was acknowledged to them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.e2e.service import EmulatorProcess, ServiceProcess
from tests.servers.processes import wait_until

STEPS = 4
PAUSE_SECONDS = 0.05
TOLD_POLL_SECONDS = 0.1
PATIENCE_SECONDS = 30
ANSWER_SECONDS_MAX = 10.0
"""As long as Genesys waits for the answer to a webhook, whatever happens elsewhere."""


@dataclass
class Sent:
    """The steps of one session. Whether one that failed was taken in nobody can tell, so it is sent again."""

    step: int = -1
    acknowledged: int = -1
    persistence_id: str = ""


@dataclass
class Load:
    """`failures` are answers other than 200, and faults of the connection, in words."""

    url: str
    sessions: dict[str, Sent] = field(default_factory=dict)
    acknowledged: int = 0
    failures: list[str] = field(default_factory=list)
    stopping: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def more(self, number: int) -> None:
        """Waits for so many acknowledgements more."""
        wanted = self.acknowledged + number
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.acknowledged < wanted:
                self.changed.clear()
                await self.changed.wait()

    async def post_for_ever(self, sender: int, client: httpx.AsyncClient) -> None:
        number = 0
        while not self.stopping:
            name = f"load-{sender}-{number // STEPS}"
            sent = self.sessions.setdefault(name, Sent())
            sent.step = number % STEPS
            if await self._is_taken(name, sent, client):
                number += 1
            else:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _is_taken(self, name: str, sent: Sent, client: httpx.AsyncClient) -> bool:
        body = {"sessionId": name, "eventType": "typing", "context": {"step": sent.step}}
        try:
            answer = await client.post("/webhook/messaging", json=body)
        except httpx.TransportError as error:
            self.failures.append(type(error).__name__)
            return False
        if answer.status_code != httpx.codes.OK:
            self.failures.append(f"{answer.status_code} {answer.text}")
            return False
        sent.acknowledged, sent.persistence_id = sent.step, answer.json()["persistenceId"]
        self.acknowledged += 1
        self.changed.set()
        return True


@asynccontextmanager
async def posting(service: ServiceProcess, *, senders: int = 6) -> AsyncIterator[Load]:
    """Senders at work; at the end each waits for its last answer."""
    load = Load(service.url)
    async with httpx.AsyncClient(
        base_url=service.url,
        trust_env=False,
        timeout=ANSWER_SECONDS_MAX,
        limits=httpx.Limits(max_connections=senders),
    ) as client:
        tasks = [asyncio.create_task(load.post_for_ever(number, client)) for number in range(senders)]
        try:
            yield load
        finally:
            load.stopping = True
            await asyncio.gather(*tasks)


def wrongly_kept(load: Load, service: ServiceProcess) -> dict[str, Any]:
    """The sessions that are not as they were acknowledged, nor as a later step that may have been taken."""
    wrong = {}
    for name, sent in load.sessions.items():
        answer = service.client.get(f"/sessions/{name}")
        if sent.acknowledged < 0 and answer.status_code == httpx.codes.NOT_FOUND:
            continue
        kept = answer.json()
        step, persistence_id = kept["context"]["step"], kept["persistence"]["persistenceId"]
        as_acknowledged = step == sent.acknowledged and persistence_id == sent.persistence_id
        if not as_acknowledged and not sent.acknowledged < step <= sent.step:
            wrong[name] = (sent, kept)
    return wrong


def wait_until_all_delivered(load: Load, service: ServiceProcess, emulator: EmulatorProcess) -> None:
    """Until Genesys holds of every acknowledged session just what the service does."""

    def is_delivered() -> bool:
        time.sleep(TOLD_POLL_SECONDS)  # the answer is long, and takes its time from what is waited for
        told = emulator.sessions()
        left[:] = [
            name
            for name in left
            if told.get(name, {}).get("persistence", {}).get("persistenceId") != kept[name]
        ]
        return not left

    left = [name for name, sent in load.sessions.items() if sent.acknowledged >= 0]
    kept = {name: service.read(name)["persistence"]["persistenceId"] for name in left}
    wait_until(is_delivered, "every session to be told", process=service.process, timeout_seconds=40)
