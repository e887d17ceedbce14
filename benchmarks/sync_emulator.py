# ruff: noqa: ASYNC110 - it starts our own command, and asks the store whether all is done
"""Our engine against the Genesys emulator: real time, real HTTP, everything ten times as fast."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from adapters.genesys.budget import GenesysBudget
from adapters.genesys.client import CallLimits, GenesysClient, GenesysEndpoints, open_http
from adapters.genesys.gateway import GenesysCloudGateway
from adapters.genesys.oauth import Credentials
from adapters.memory.store import MemorySessionStore
from adapters.system.clock import SystemClock
from adapters.system.ids import RandomIds
from application.sync.attempt import SyncSessionHandler
from application.sync.conclusions import ConclusionPolicy, SyncConclusions
from application.sync.loop import SyncLoop, SyncLoopPolicy
from benchmarks.sync_engine import CALLS_PER_MINUTE, Copies, Result, event, send_updates
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Policies
from domain.sync.policy import SyncTarget
from entrypoints.version import VERSION
from tests.fakes import FakeMetrics

SCALE = 0.1
WINDOW_SECONDS = 60 * SCALE
PORT = 21_973
URL = f"http://127.0.0.1:{PORT}"
COMMAND = Path(sys.executable).with_name("session-keeper")


def run_emulator() -> Result:
    with _emulator() as control:
        window = {"rateLimit": CALLS_PER_MINUTE, "rateWindowSeconds": WINDOW_SECONDS}
        control.put("/emulator/settings", json=window).raise_for_status()
        result = Result("Session Keeper, emulator")
        copies = Copies()
        asyncio.run(_run(copies, result))
        held = control.get("/emulator/state").json()["sessions"]
        statistics = control.get("/emulator/stats").json()
    result.wrong = sum(held[one]["context"]["version"] != newest for one, newest in copies.newest.items())
    result.calls = sum(call["count"] for call in statistics["calls"] if call["route"] != "/oauth/token")
    result.refused = statistics["tooManyRequests"]
    return result


async def _run(copies: Copies, result: Result) -> None:
    endpoints, limits, clock = GenesysEndpoints(api_url=URL, login_url=URL), CallLimits(), SystemClock()
    budget = GenesysBudget(calls_per_minute=round(CALLS_PER_MINUTE / SCALE), window_seconds=WINDOW_SECONDS)
    store, metrics, policies = MemorySessionStore(), FakeMetrics(), Policies()
    async with open_http(endpoints, limits, version=VERSION) as http:
        client = GenesysClient(
            http=http,
            endpoints=endpoints,
            credentials=Credentials(client_id="benchmark", client_secret="benchmark"),  # noqa: S106 - of an emulator
            budget=budget,
            clock=clock,
            metrics=metrics,
            limits=limits,
        )
        conclusions = SyncConclusions(metrics=metrics, policy=ConclusionPolicy())
        handler = SyncSessionHandler(
            store=store,
            gateway=GenesysCloudGateway(client=client, target=SyncTarget.MESSAGING_SESSIONS, clock=clock),
            clock=clock,
            ids=RandomIds(),
            conclusions=conclusions,
            policies=policies,
        )
        loop = SyncLoop(
            store=store,
            budget=budget,
            clock=clock,
            sync_session=handler,
            conclusions=conclusions,
            policy=SyncLoopPolicy(),
        )

        async def update(session: str, version: int) -> None:
            what = event(session, version)
            now = clock.now()
            await store.update(what.session_id, lambda state: decide_event(state, what, policies, now))
            await loop.sync_soon(what.session_id)

        running = asyncio.create_task(loop.run())
        began = asyncio.get_running_loop().time()
        await send_updates(update, copies, SCALE)
        while (await store.backlog(clock.now())).due or budget.figures().in_flight:
            await asyncio.sleep(0.05)
        result.converged_at = asyncio.get_running_loop().time() - began
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@contextmanager
def _emulator() -> Iterator[httpx.Client]:
    process = subprocess.Popen(
        [COMMAND, "emulator", "--port", str(PORT)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with httpx.Client(base_url=URL, trust_env=False, transport=httpx.HTTPTransport(retries=8)) as control:
            control.get("/emulator/settings").raise_for_status()
            yield control
    finally:
        process.terminate()
        process.wait(10)
