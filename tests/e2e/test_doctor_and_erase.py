"""What an operator does at the command line while the service runs."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import StartService
from tests.e2e.service import CommandProcess, EmulatorProcess, run_command
from tests.servers.processes import free_port


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """From what a line is about to `ok` or `FAILED`, and the rest of the line."""
    found = {}
    for line in done.stdout.splitlines():
        mark, _, rest = line.partition(" ")
        about, _, text = rest.strip().partition(": ")
        found[about] = f"{mark} {text}"
    return found


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
def test_doctor_finds_everything_well(store_url: str, settings: dict[str, str]) -> None:
    done = run_command("doctor", settings=settings | {"STORE_URL": store_url})

    assert (done.returncode, done.stderr) == (0, "")
    assert list(findings(done)) == ["settings", "store", "clock skew", "Genesys"]
    assert all(text.startswith("ok ") for text in findings(done).values())


def test_doctor_tells_wrong_credentials(
    settings: dict[str, str], closing: Callable[[CommandProcess], None]
) -> None:
    emulator = EmulatorProcess("--client-id", "client", "--client-secret", "the right one")
    closing(emulator)
    emulator.start()
    over = {**emulator.settings_for_service, "GENESYS_CLIENT_SECRET": "the-wr0ng-one"}

    wrong = run_command("doctor", settings=settings | over)
    right = run_command("doctor", settings=settings | over | {"GENESYS_CLIENT_SECRET": "the right one"})

    assert (wrong.returncode, right.returncode) == (1, 0)
    assert findings(wrong)["Genesys"].startswith(f"FAILED {emulator.url}")
    assert "HTTP 401" in findings(wrong)["Genesys"]
    assert findings(wrong)["store"].startswith("ok")
    assert "the-wr0ng-one" not in wrong.stdout + wrong.stderr


def test_doctor_tells_that_genesys_is_away(settings: dict[str, str]) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"

    done = run_command("doctor", settings=settings | {"GENESYS_API_URL": nobody, "GENESYS_LOGIN_URL": nobody})

    assert done.returncode == 1
    assert findings(done)["Genesys"].startswith(f"FAILED {nobody}: network.")


def test_doctor_tells_what_is_not_set(settings: dict[str, str]) -> None:
    over = {"GENESYS_CLIENT_ID": "", "GENESYS_CLIENT_SECRET": "", "SYNC_TARGE": "none"}

    done = run_command("doctor", settings=settings | over)

    assert done.returncode == 1
    assert "SESSION_KEEPER_GENESYS_CLIENT_ID" in findings(done)["Genesys"]
    assert findings(done)["settings"] == "FAILED unknown names: SESSION_KEEPER_SYNC_TARGE"


def test_doctor_tells_that_the_database_was_not_migrated(
    settings: dict[str, str], postgres_database: str
) -> None:
    done = run_command("doctor", settings=settings | {"STORE_URL": postgres_database})

    assert done.returncode == 1
    assert "run session-keeper migrate" in findings(done)["store"]
    assert findings(done)["Genesys"].startswith("ok")


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_session_is_erased_while_the_service_runs(
    store_url: str, start_service: StartService, settings: dict[str, str]
) -> None:
    service = start_service(over={"STORE_URL": store_url})
    for name in ("erased", "kept"):
        service.post(name, {"step": 1})
    service.wait_until_synced("erased", "kept")

    done = run_command("erase", "erased", settings=settings | {"STORE_URL": store_url})
    trail = service.client.get("/sessions/erased/audit").json()["entries"]

    assert (done.returncode, done.stdout) == (0, "1 session erased\n")
    assert service.client.get("/sessions/erased").status_code == 404
    assert service.read("kept")["context"] == {"step": 1}
    assert [entry["action"] for entry in trail] == ["SESSION_ERASED"]


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_all_of_a_subject_is_erased_and_nothing_of_others(
    store_url: str, start_service: StartService, settings: dict[str, str]
) -> None:
    service = start_service(over={"STORE_URL": store_url})
    for number in range(3):
        service.post(f"of-ann-{number}", {"step": 1}, subjectId="ann")
    service.post("of-bob", {"step": 1}, subjectId="bob")

    first = run_command("erase", "--subject", "ann", settings=settings | {"STORE_URL": store_url})
    again = run_command("erase", "--subject", "ann", settings=settings | {"STORE_URL": store_url})

    assert (first.returncode, first.stdout) == (0, "3 session(s) erased\n")
    assert (again.returncode, again.stdout) == (0, "0 session(s) erased\n")
    assert {service.client.get(f"/sessions/of-ann-{number}").status_code for number in range(3)} == {404}
    assert service.read("of-bob")["context"] == {"step": 1}


def test_what_only_the_service_remembers_cannot_be_erased_from_outside(tmp_path: Path) -> None:
    done = run_command("erase", "chat-1", settings={"STORE_URL": "memory://"}, directory=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert "SESSION_KEEPER_STORE_URL is memory://" in done.stderr
