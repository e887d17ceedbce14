"""Genesys fails in every way there is: senders notice nothing, and every session is told in the end."""

import asyncio
from collections.abc import Callable

import pytest

from tests.e2e.conftest import StartService
from tests.e2e.load import posting, wait_until_all_delivered
from tests.e2e.service import CommandProcess, EmulatorProcess
from tests.servers.processes import wait_until

EVENTS = 60


@pytest.mark.parametrize(
    "faults",
    [
        ["429=1:0.7"],
        ["429=date+1:0.5"],
        ["500:0.7", "503=1:0.5"],
        ["close:0.5", "close-after:0.7"],
        ["hang=30"],
        ["away"],
        ["503:0.5@POST/oauth/token", "401:0.5@PATCH/api"],
    ],
    ids="+".join,
)
async def test_webhooks_are_answered_in_time_and_genesys_is_told_when_it_is_back(
    faults: list[str], start_service: StartService, emulator: EmulatorProcess
) -> None:
    emulator.faults(*faults)
    service = await asyncio.to_thread(start_service)

    async with posting(service, senders=3) as load:
        await load.more(EVENTS)
        await asyncio.to_thread(wait_until, lambda: any(emulator.statistics()["faults"]), "a fault")
        await load.more(EVENTS)
    assert load.failures == []
    struck = emulator.statistics()["faults"]
    emulator.faults()
    wait_until_all_delivered(load, service, emulator)

    assert set(struck) <= {fault.partition(":")[0].partition("=")[0] for fault in faults}
    assert struck
    assert service.is_ready()


async def test_the_rate_limit_is_kept_and_every_session_is_told(
    start_service: StartService, emulator: EmulatorProcess
) -> None:
    emulator.change(rateLimit=30, rateWindowSeconds=2)
    service = await asyncio.to_thread(start_service, over={"GENESYS_CALLS_PER_MINUTE": "300"})

    async with posting(service, senders=2) as load:
        await load.more(EVENTS)
    assert load.failures == []
    wait_until_all_delivered(load, service, emulator)
    statistics = emulator.statistics()

    assert statistics["tooManyRequests"] <= 3
    assert statistics["writes"] <= len(load.sessions) * 2


async def test_an_emulator_that_is_killed_and_comes_back_empty_is_told_all_that_it_missed(
    start_service: StartService, closing: Callable[[CommandProcess], None]
) -> None:
    emulator = EmulatorProcess("--rate-limit", "0")
    closing(emulator)
    emulator.start()
    service = await asyncio.to_thread(start_service, over=emulator.settings_for_service)
    service.post("before", {"step": 1})
    service.wait_until_synced("before")

    emulator.kill()
    async with posting(service, senders=3) as load:
        await load.more(EVENTS)
    assert load.failures == []
    emulator.start()
    wait_until_all_delivered(load, service, emulator)
    told = emulator.sessions()

    assert set(load.sessions) == set(told)
    assert emulator.statistics()["tokensIssued"] == 1


def test_a_refused_session_is_final_and_says_why(
    start_service: StartService, emulator: EmulatorProcess
) -> None:
    service = start_service()
    emulator.faults("403:1x@PATCH")

    service.post("chat-1", {"tier": "gold"})
    wait_until(lambda: service.sync_status("chat-1") == "failed", "the refusal", process=service.process)
    trail = service.client.get("/sessions/chat-1/audit").json()["entries"]

    assert [entry["action"] for entry in trail] == ["SESSION_PERSISTED", "SESSION_SYNC_FAILED"]
    assert "HTTP 403" in trail[-1]["reason"]

    service.post("chat-1", {"tier": "silver"})
    service.wait_until_synced("chat-1")

    assert emulator.sessions()["chat-1"]["tier"] == "silver"


def test_when_every_session_is_refused_the_sync_pauses_and_goes_on_by_itself(
    start_service: StartService, emulator: EmulatorProcess
) -> None:
    """A wrong target or a right that is missing: no session is at fault, so none is given up."""
    probes = {"SYNC_PROBE_MAX_SECONDS": "0.5", "SYNC_MISCONFIGURED_SECONDS": "1"}
    service = start_service(over=probes)
    emulator.faults("403@PATCH")
    names = [f"chat-{number}" for number in range(30)]

    def problem() -> str | None:
        answer: dict[str, str] = service.client.get("/health/ready").json()
        return answer.get("genesys")

    for name in names:
        service.post(name, {"tier": "gold"})
    wait_until(lambda: problem() is not None, "the pause", process=service.process)
    wait_until(
        lambda: {service.sync_status(name) for name in names} == {"pending"},
        "the sessions that were refused before to be put back",
        process=service.process,
    )
    assert "HTTP 403" in (problem() or "")
    assert service.is_ready()
    emulator.faults()
    service.wait_until_synced(*names)
    wait_until(lambda: problem() is None, "the end of the pause", process=service.process)

    errors = [record for record in service.records() if record["level"] == "error"]
    assert len(errors) == 1
    assert "one session after another" in errors[0]["event"]
