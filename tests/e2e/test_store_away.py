"""A store that does not answer: 503 at once, the cause at the probe, and recovery without a restart."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing as closing_at_end

import httpx
import pytest

from tests.e2e.conftest import StartService
from tests.e2e.service import CommandProcess, ServiceProcess, run_command
from tests.servers.postgres import PostgresServer
from tests.servers.processes import free_port
from tests.servers.proxy import open_fault_proxy

ANSWER_SECONDS_MAX = 10.0
"""As long as Genesys waits; the store's time-out is 1 s here."""


@pytest.fixture
def settings(settings: dict[str, str]) -> dict[str, str]:
    return settings | {"STORE_TIMEOUT_SECONDS": "1"}


def assert_unavailable(service: ServiceProcess, cause: str) -> None:
    answer = service.post("during", {"step": 1})
    ready = service.client.get("/health/ready")

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:session-keeper:problem:store-unavailable"
    assert service.client.get("/sessions/before").status_code == 503
    assert ready.status_code == 503
    assert cause in ready.json()["store"]
    assert service.client.get("/health/live").status_code == 200
    assert service.client.get("/health").json()["status"] == "degraded"


def assert_recovers(service: ServiceProcess) -> None:
    service.wait_until_ready()
    answer = service.post("during", {"step": 2})

    assert answer.status_code == 200
    assert service.read("before")["context"] == {"step": 1}
    service.wait_until_synced("before", "during")


def begin(service: ServiceProcess) -> None:
    service.client.timeout = httpx.Timeout(ANSWER_SECONDS_MAX)
    assert service.post("before", {"step": 1}).status_code == 200
    service.wait_until_synced("before")


def test_postgresql_that_is_killed_is_told_and_taken_up_again(
    start_service: StartService, postgres_url: str, postgres_server: PostgresServer
) -> None:
    service = start_service(over={"STORE_URL": postgres_url})
    begin(service)

    postgres_server.kill()
    assert_unavailable(service, "PostgreSQL")
    postgres_server.start()

    assert_recovers(service)


def test_postgresql_that_stands_still_is_told_and_taken_up_again(
    start_service: StartService, postgres_url: str, postgres_server: PostgresServer
) -> None:
    service = start_service(over={"STORE_URL": postgres_url})
    begin(service)

    postgres_server.pause()
    assert_unavailable(service, "in time")
    postgres_server.resume()

    assert_recovers(service)


async def test_a_network_that_swallows_everything_is_told_and_survived_and_does_not_hold_up_the_stop(
    start_service: StartService, postgres_url: str, postgres_server: PostgresServer
) -> None:
    async with open_fault_proxy(postgres_server.host, postgres_server.port) as proxy:
        service = await asyncio.to_thread(start_service, over={"STORE_URL": proxy.url(postgres_url)})
        await asyncio.to_thread(begin, service)

        proxy.blackhole()
        await asyncio.to_thread(assert_unavailable, service, "in time")
        proxy.heal()

        await asyncio.to_thread(assert_recovers, service)
        proxy.blackhole()
        assert await asyncio.to_thread(service.stop) == 0


def test_a_service_starts_without_its_database_and_is_ready_when_both_are(
    start_service: StartService, postgres_database: str, postgres_server: PostgresServer
) -> None:
    postgres_server.stop()
    service = start_service(over={"STORE_URL": postgres_database})
    assert service.client.get("/health/ready").status_code == 503

    postgres_server.start()
    unmigrated = service.client.get("/health/ready")
    refused = service.post("chat-1", {"step": 1})
    assert run_command("migrate", settings={"STORE_URL": postgres_database}).returncode == 0

    assert unmigrated.status_code == 503
    assert "session-keeper migrate" in unmigrated.json()["store"]
    assert refused.status_code == 503
    service.wait_until_ready()
    assert service.post("chat-1", {"step": 1}).status_code == 200


def test_a_worker_outlives_its_database(
    start_service: StartService,
    settings: dict[str, str],
    postgres_url: str,
    postgres_server: PostgresServer,
    closing: Callable[[CommandProcess], None],
) -> None:
    service = start_service("--no-worker", over={"STORE_URL": postgres_url})
    postgres_server.stop()
    worker = CommandProcess("worker", settings=settings | {"STORE_URL": postgres_url})
    closing(worker)
    worker.start()

    postgres_server.start()
    service.wait_until_ready()
    service.post("chat-1", {"step": 1})

    service.wait_until_synced("chat-1")
    assert worker.stop() == 0


def test_a_sqlite_file_that_another_process_has_locked_is_told(
    start_service: StartService, settings: dict[str, str]
) -> None:
    service = start_service()
    begin(service)

    path = settings["STORE_URL"].removeprefix("sqlite:///")
    with closing_at_end(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = service.post("during", {"step": 1})
        readable = service.client.get("/sessions/before")
        ready = service.client.get("/health/ready")
        other.execute("ROLLBACK")

    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert readable.status_code == 200
    assert ready.status_code == 503
    assert "locked" in ready.json()["store"] or "did not answer" in ready.json()["store"]
    assert_recovers(service)


@pytest.mark.parametrize("command", ["migrate", "doctor"])
def test_commands_say_in_one_line_that_the_database_is_away(command: str) -> None:
    port = free_port()
    url = f"postgresql://keeper:hunter2@127.0.0.1:{port}/keeper"
    settings = {"STORE_URL": url, "SYNC_TARGET": "none"}

    done = run_command(command, settings=settings)
    told = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("ok")]

    assert done.returncode == 1
    assert len(told) == 1
    assert "PostgreSQL" in told[0]
    assert str(port) in told[0]
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["migrate", "doctor"])
@pytest.mark.parametrize(
    "odd",
    [
        "keeper:hun%2Fter2@127.0.0.1:{port}/keeper",
        "keeper:hun%ter2@127.0.0.1:{port}/keeper",
        "keeper:hun@ter2@127.0.0.1:{port}/keeper",
        "keeper:hun:ter2@127.0.0.1:{port}/keeper",
        "127.0.0.1:{port}/keeper?password=hun%20ter2",
        "127.0.0.1:{port}/keeper?password=hun&ter2",
        "127.0.0.1:{port}/keeper?user=keeper&password=hun+ter2&sslmode=nonsense",
    ],
)
def test_no_part_of_a_password_is_shown_whatever_the_url_looks_like(command: str, odd: str) -> None:
    settings = {"STORE_URL": "postgresql://" + odd.format(port=free_port()), "SYNC_TARGET": "none"}

    done = run_command(command, settings=settings)
    written = done.stdout + done.stderr

    assert done.returncode == 1
    assert "Traceback" not in written
    assert "hun" not in written
    assert "ter2" not in written
