"""Stopping: what was begun is answered, what was claimed is given back, and the exit code is 0."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from signal import SIGINT, SIGTERM, Signals

import httpx
import pytest

from tests.e2e.conftest import StartService
from tests.e2e.load import posting, wait_until_all_delivered, wrongly_kept
from tests.e2e.service import CommandProcess, EmulatorProcess, ServiceProcess
from tests.servers.processes import wait_until

LONG_LEASE = {"SYNC_LEASE_SECONDS": "600", "GENESYS_CALL_SECONDS": "60"}
"""So that a session can be told within the patience of a test only if its claim was given back."""


def wait_for_fault(emulator: EmulatorProcess, kind: str) -> None:
    wait_until(lambda: kind in emulator.statistics()["faults"], f"a call to meet {kind}")


@pytest.mark.parametrize(
    ("arguments", "number", "to_group"),
    [
        ([], SIGTERM, False),
        ([], SIGINT, True),
        (["--workers", "2"], SIGTERM, False),
        (["--workers", "2"], SIGINT, True),
    ],
    ids=["terminated", "interrupted", "workers-terminated", "workers-interrupted"],
)
async def test_a_stop_under_load_loses_nothing_and_the_next_process_goes_on_at_once(
    arguments: list[str],
    number: Signals,
    to_group: bool,  # noqa: FBT001
    start_service: StartService,
    emulator: EmulatorProcess,
) -> None:
    service = await asyncio.to_thread(start_service, *arguments, over=LONG_LEASE)

    async with posting(service) as load:
        await load.more(60)
        service.send(number, to_group=to_group)
        code = await asyncio.to_thread(service.process.wait, 20)
    levels = {record["level"] for record in service.records()}
    service.start()
    wrong = wrongly_kept(load, service)
    wait_until_all_delivered(load, service, emulator)

    assert code == 0
    assert wrong == {}
    assert levels <= {"info", "warning"}


def test_a_request_in_flight_is_answered_before_the_process_ends(
    start_service: StartService, emulator: EmulatorProcess
) -> None:
    service = start_service(over={"SYNC_MODE": "inline"})
    emulator.faults("hang=0.5@PATCH")

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(service.post, "chat-1", {"step": 1})
        wait_for_fault(emulator, "hang")
        code = service.stop()

    assert answer.result().status_code == 200
    assert answer.result().json()["syncStatus"] == "completed"
    assert code == 0
    with pytest.raises(httpx.ConnectError):
        service.client.get("/health/live")


@pytest.mark.parametrize(("command", "number"), [("serve", SIGTERM), ("worker", SIGINT)])
def test_a_session_that_was_being_told_is_given_back(
    command: str,
    number: Signals,
    start_service: StartService,
    settings: dict[str, str],
    emulator: EmulatorProcess,
    closing: Callable[[CommandProcess], None],
) -> None:
    emulator.faults("hang=600:1x@PATCH")
    service = start_service("--no-worker", over=LONG_LEASE)
    service.post("chat-1", {"step": 1})
    teller = (
        ServiceProcess(settings=settings | LONG_LEASE)
        if command == "serve"
        else CommandProcess("worker", settings=settings | LONG_LEASE)
    )
    closing(teller)
    teller.start()
    wait_for_fault(emulator, "hang")

    assert service.sync_status("chat-1") == "pending"
    assert teller.stop(number) == 0

    teller.start()
    service.wait_until_synced("chat-1")

    assert emulator.sessions()["chat-1"]["step"] == 1


@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
def test_the_emulator_stops_while_a_call_hangs(
    number: Signals, closing: Callable[[CommandProcess], None]
) -> None:
    emulator = EmulatorProcess("--fault", "hang=600")
    closing(emulator)
    emulator.start()

    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(httpx.post, f"{emulator.url}/oauth/token", trust_env=False, timeout=20)
        wait_for_fault(emulator, "hang")
        code = emulator.stop(number)

    assert code == 0
    assert isinstance(hanging.exception(), httpx.TransportError) or hanging.result().status_code == 503
    assert "Traceback" not in emulator.output()
