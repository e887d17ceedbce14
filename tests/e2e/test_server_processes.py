"""`serve --workers 2`: one service to the outside, whichever of its processes answers."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import StartService
from tests.e2e.service import EmulatorProcess, ServiceProcess
from tests.servers.processes import wait_until


def children(service: ServiceProcess, command: str) -> list[int]:
    """The process ids of the children that run this command."""
    found = []
    for child in psutil.Process(service.process.pid).children():
        with suppress(psutil.NoSuchProcess):  # or a zombie: it ended in this moment
            found += [child.pid] if command in child.cmdline() else []
    return found


def servers(service: ServiceProcess) -> list[int]:
    wait_until(lambda: len(children(service, "serve")) == 2, "two server processes", process=service.process)
    return children(service, "serve")


def serving(service: ServiceProcess) -> list[int]:
    """Two processes that have started: one that is stopped while it opens its store holds up the other."""
    said = 1 + 2  # by the process that starts them, once the first one serves, and by each of them
    wait_until(lambda: service.output().count('"event": "serving"') >= said, "both to serve")
    return servers(service)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that takes no connections, so that the other one answers."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def post(service: ServiceProcess, session_id: str) -> None:
    """On a connection of its own."""
    body = {"sessionId": session_id, "eventType": "message", "context": {"a": 1}}
    httpx.post(f"{service.url}/webhook/messaging", json=body, timeout=20, trust_env=False).raise_for_status()


def get(service: ServiceProcess, path: str) -> httpx.Response:
    answer = httpx.get(f"{service.url}{path}", timeout=20, trust_env=False)
    answer.raise_for_status()
    return answer


def metrics(service: ServiceProcess) -> dict[str, float]:
    families = text_string_to_metric_families(get(service, "/metrics").text)
    return {
        ",".join([sample.name, *sample.labels.values()]): sample.value
        for family in families
        for sample in family.samples
    }


def wait_until_delivered(service: ServiceProcess, count: int) -> None:
    """Counted a moment after the session says so."""
    name = "session_keeper_deliveries_total,delivered"
    wait_until(lambda: metrics(service).get(name) == count, f"{count} deliveries to be counted")


def test_any_process_shows_what_all_have_counted_and_a_killed_one_stays_counted(
    start_service: StartService,
) -> None:
    service = start_service("--workers", "2")
    first, second = serving(service)
    with stopped(first):
        for number in range(3):
            post(service, f"s{number}")
    with stopped(second):
        for number in range(4):
            post(service, f"t{number}")

    for asleep in (first, second):
        with stopped(asleep):
            found = metrics(service)
            health = get(service, "/health").json()["metrics"]
        assert found["session_keeper_webhooks_total,persisted"] == 7
        assert found["session_keeper_webhook_seconds_count"] == 7
        assert found["session_keeper_webhook_seconds_bucket,+Inf"] == 7
        assert (health["totalAttempts"], health["successfulRetrievals"]) == (7, 7)
        assert health["averageLatencyMs"] > 0

    os.kill(first, signal.SIGKILL)
    wait_until(lambda: first not in servers(service), "the killed process to be replaced")
    assert metrics(service)["session_keeper_webhooks_total,persisted"] == 7
    with stopped(second):  # so that the new process answers, as soon as it serves
        post(service, "u")
    assert metrics(service)["session_keeper_webhooks_total,persisted"] == 8
    assert service.stop() == 0


def test_one_process_has_the_loops_and_another_takes_them_over_when_it_is_killed(
    start_service: StartService, emulator: EmulatorProcess
) -> None:
    service = start_service("--workers", "2")
    service.wait_until_ready()
    service.post("before", {"a": 1})
    service.wait_until_synced("before")
    (victim,) = children(service, "worker")
    wait_until_delivered(service, 1)
    os.kill(victim, signal.SIGKILL)

    service.post("after", {"a": 2})
    service.wait_until_synced("after", "before")

    (replacement,) = children(service, "worker")
    assert replacement != victim
    assert [write["ids"]["sessionId"] for write in emulator.writes()] == ["before", "after"]
    wait_until_delivered(service, 2)
    assert service.stop() == 0
    assert not psutil.pid_exists(replacement)


def test_servers_say_what_the_process_with_the_loops_knows_of_genesys(
    start_service: StartService, emulator: EmulatorProcess
) -> None:
    service = start_service("--workers", "2", over={"GENESYS_CALLS_PER_MINUTE": "120"})
    service.wait_until_ready()
    assert metrics(service)["session_keeper_budget_allowed"] == 120
    emulator.faults("401")
    service.post("s", {"a": 1})

    def problem() -> str | None:
        text: str | None = get(service, "/health/ready").json()["genesys"]
        return text

    for asleep in serving(service):
        with stopped(asleep):
            wait_until(lambda: problem() is not None, "a server to say that Genesys refuses us")
    emulator.faults()
    wait_until(lambda: problem() is None, "servers to say that it was mended")


def test_inline_each_process_takes_its_part_of_the_calls(start_service: StartService) -> None:
    over = {"GENESYS_CALLS_PER_MINUTE": "120", "SYNC_MODE": "inline"}
    service = start_service("--workers", "2", over=over)
    service.wait_until_ready()

    wait_until(
        lambda: metrics(service)["session_keeper_budget_allowed"] == 3 * 40,
        "all three processes to say what they take",
    )
