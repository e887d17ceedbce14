"""The demo: sends events, watches what becomes of them, and compares at the end."""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx

from entrypoints.demo.figures import Figures
from entrypoints.demo.processes import DemoPlaces
from entrypoints.demo.traffic import Traffic

WATCH_SECONDS = 0.5
SETTLE_SECONDS_MAX = 180.0
PENDING = "syncStatus pending"
CHANGING = frozenset({"persisted", "ended"})
_SAMPLE = re.compile(r"^(session_keeper_\w+)(?:\{([^}]*)\})? (\S+)$", re.MULTILINE)


class Demo:
    def __init__(
        self,
        http: httpx.AsyncClient,
        places: DemoPlaces,
        *,
        figures: Figures,
        show: Callable[[Figures], None],
    ) -> None:
        self.figures = figures
        self._http = http
        self._places = places
        self._show = show
        self._traffic = Traffic(seed=1)

    async def run(self, *, events_max: int | None, events_per_second: float) -> None:
        """Sends the events, waits until all sessions are delivered to Genesys, and compares."""
        watching = asyncio.create_task(self._watch())
        try:
            await self._send(events_max, 1.0 / events_per_second)
            await self._settle()
        finally:
            watching.cancel()

    async def compare(self) -> None:
        """Whether Genesys holds the newest state of every session that still is there."""
        await self._look()
        state = (await self._http.get(f"{self._places.emulator_url}/emulator/state")).json()
        figures = self.figures
        figures.compared = figures.expired = 0
        differences = []
        for session_id in self._traffic.sessions:
            answer = await self._http.get(f"{self._places.service_url}/sessions/{session_id}")
            if answer.status_code != httpx.codes.OK:
                figures.expired += 1
                continue
            figures.compared += 1
            ours = answer.json()["persistence"]
            theirs = _delivered_id(state["conversations"].get(session_id, {}))
            if theirs != ours["persistenceId"]:
                differences.append(
                    f"{session_id}: Genesys has {theirs or 'nothing'}, the service {ours['persistenceId']} "
                    f"(revision {ours['revision']}, syncStatus {ours['syncStatus']})"
                )
        figures.differences = differences

    async def _send(self, events_max: int | None, pause_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        next_at = loop.time()
        for body in self._traffic.events(datetime.now(UTC)):
            if events_max is not None and self.figures.events >= events_max:
                return
            await self._post(body)
            next_at = max(next_at + pause_seconds, loop.time() - 1.0)
            await asyncio.sleep(max(0.0, next_at - loop.time()))

    async def _post(self, body: dict[str, object]) -> None:
        figures = self.figures
        figures.events += 1
        figures.sessions = len(self._traffic.sessions)
        try:
            answer = await self._http.post(f"{self._places.service_url}/webhook/messaging", json=body)
        except httpx.HTTPError:
            figures.failures += 1
            return
        if answer.status_code != httpx.codes.OK:
            figures.failures += 1
        elif answer.json()["outcome"] in CHANGING:
            figures.persisted += 1
        else:
            figures.absorbed += 1

    async def _settle(self) -> None:
        """Until Genesys holds everything, or it takes too long; then `differences` says what is missing."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS_MAX):
                while True:
                    await self._look()
                    if self.figures.due == 0:
                        await self.compare()
                        if not any(PENDING in line for line in self.figures.differences):
                            return
                    await asyncio.sleep(WATCH_SECONDS)
        await self.compare()

    async def _watch(self) -> None:
        while True:
            try:
                await self._look()
            except httpx.HTTPError:
                continue
            finally:
                self._show(self.figures)
                await asyncio.sleep(WATCH_SECONDS)

    async def _look(self) -> None:
        metrics = (await self._http.get(f"{self._places.service_url}/metrics")).text
        stats = (await self._http.get(f"{self._places.emulator_url}/emulator/stats")).json()
        samples = {(name, labels): float(value) for name, labels, value in _SAMPLE.findall(metrics)}
        figures = self.figures
        figures.synced = int(samples.get(("session_keeper_deliveries_total", 'outcome="delivered"'), 0))
        figures.due_before.append(figures.due)
        figures.due = int(samples.get(("session_keeper_sync_due", ""), 0))
        figures.allowed = int(samples.get(("session_keeper_budget_allowed", ""), 0))
        figures.rate_limited = stats["tooManyRequests"]
        figures.calls = sum(call["count"] for call in stats["calls"] if call["route"].startswith("/api/"))


def _delivered_id(conversation: dict[str, Any]) -> str | None:
    """The persistence id that the customer of a conversation was given."""
    for participant in conversation.get("participants", []):
        if found := participant["attributes"].get("sk_persistenceId"):
            return str(found)
    return None
