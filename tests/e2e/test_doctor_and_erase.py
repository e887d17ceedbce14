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
    migrated = run_command("migrate", settings=settings | {"STORE_URL": store_url})
    done = run_command("doctor", settings=settings | {"STORE_URL": store_url})

    assert (migrated.returncode, done.returncode, done.stderr) == (0, 0, "")
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
    assert findings(wrong)["settings"].startswith("ok")
    assert "the-wr0ng-one" not in wrong.stdout + wrong.stderr


@pytest.mark.parametrize(
    ("permissions", "status"),
    [(["conversation:message:view"], 0), (["routing:*:*", "a:b:c"], 1), (["none"], 1)],
)
def test_doctor_tells_which_permissions_the_client_lacks(
    settings: dict[str, str],
    closing: Callable[[CommandProcess], None],
    permissions: list[str],
    status: int,
) -> None:
    emulator = EmulatorProcess(*(word for one in permissions for word in ("--permission", one)))
    closing(emulator)
    emulator.start()
    over = {**emulator.settings_for_service, "SYNC_TARGET": "participant-attributes"}

    done = run_command("doctor", settings=settings | over)

    assert done.returncode == status
    assert ("conversation:communication:view or" in findings(done)["Genesys"]) == bool(status)


def test_doctor_tells_that_genesys_is_away(settings: dict[str, str]) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"

    done = run_command("doctor", settings=settings | {"GENESYS_API_URL": nobody, "GENESYS_LOGIN_URL": nobody})

    assert done.returncode == 1
    place = nobody.removeprefix("http://")
    assert findings(done)["Genesys"] == f"FAILED {nobody}: {place} refuses connections"


def test_doctor_names_the_host_that_is_not_known(settings: dict[str, str]) -> None:
    over = {"GENESYS_LOGIN_URL": "https://login.nowhere.invalid"}

    done = run_command("doctor", settings=settings | over)

    assert done.returncode == 1
    assert done.stderr == ""
    assert "the name of login.nowhere.invalid:443 is not known (DNS: " in findings(done)["Genesys"]


def test_doctor_tells_what_is_not_set_and_what_nobody_knows(settings: dict[str, str]) -> None:
    over = {"GENESYS_CLIENT_ID": "", "GENESYS_CLIENT_SECRET": "", "SYNC_TARGE": "none"}

    done = run_command("doctor", settings=settings | over)

    assert done.returncode == 1
    assert findings(done)["Genesys"].startswith("FAILED SESSION_KEEPER_GENESYS_CLIENT_ID and ")
    assert done.stdout.splitlines()[0] == (
        "warn   settings: unknown names: SESSION_KEEPER_SYNC_TARGE (did you mean SESSION_KEEPER_SYNC_TARGET?)"
    )


def test_doctor_tells_everything_that_is_wrong_with_the_settings_at_once(tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text("{")
    wrong = {
        "GENESYS_ENVIRONMENT": "api.mypurecloud.de",
        "SYNC_LEASE_SECONDS": "1",
        "CONTEXT_SCHEMA": str(schema),
        "PORTT": "1",
    }

    done = run_command("doctor", settings=wrong, directory=tmp_path)

    assert done.returncode == 2
    assert [line.split()[:3] for line in done.stdout.splitlines()] == [
        ["FAILED", "settings:", "SESSION_KEEPER_GENESYS_ENVIRONMENT"],
        ["FAILED", "settings:", "SESSION_KEEPER_SYNC_LEASE_SECONDS"],
        ["FAILED", "settings:", "SESSION_KEEPER_CONTEXT_SCHEMA"],
        ["warn", "settings:", "unknown"],
    ]
    assert "did you mean mypurecloud.de?" in done.stdout
    assert list(tmp_path.iterdir()) == [schema]


def test_doctor_makes_no_database_and_says_where_there_is_none(
    settings: dict[str, str], tmp_path: Path
) -> None:
    done = run_command("doctor", settings=settings | {"STORE_URL": "sqlite:///keeper.db"}, directory=tmp_path)
    nowhere = run_command("doctor", settings=settings | {"STORE_URL": "sqlite:////proc/no/keeper.db"})

    assert (done.returncode, nowhere.returncode) == (0, 1)
    assert findings(done)["store"] == (f"warn there is no database at {tmp_path}/keeper.db; serve makes one")
    assert findings(nowhere)["store"].startswith("FAILED there is no database at /proc/no/keeper.db")
    assert findings(done)["Genesys"].startswith("ok")
    assert list(tmp_path.iterdir()) == []


def test_doctor_tells_that_the_database_was_not_migrated(
    settings: dict[str, str], postgres_database: str
) -> None:
    done = run_command("doctor", settings=settings | {"STORE_URL": postgres_database})

    assert done.returncode == 1
    assert "run session-keeper migrate" in findings(done)["store"]
    assert "postgresql://" in findings(done)["store"]
    assert findings(done)["Genesys"].startswith("ok")


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_session_is_erased_while_the_service_runs(
    store_url: str, start_service: StartService, settings: dict[str, str]
) -> None:
    service = start_service(over={"STORE_URL": store_url})
    for name in ("erased", "kept"):
        service.post(name, {"step": 1})
    service.wait_until_synced("erased", "kept")

    dry = run_command("erase", "erased", "--dry-run", settings=settings | {"STORE_URL": store_url})
    assert service.read("erased")["context"] == {"step": 1}
    done = run_command("erase", "erased", settings=settings | {"STORE_URL": store_url})
    trail = service.client.get("/sessions/erased/audit").json()["entries"]

    again = run_command("erase", "erased", settings=settings | {"STORE_URL": store_url})
    unknown = run_command("erase", "unheard-of", settings=settings | {"STORE_URL": store_url})
    place = store_url.removeprefix("sqlite:///")

    assert (dry.returncode, dry.stdout) == (0, "")
    assert dry.stderr == f"1 session(s) would be erased from sqlite:///{place}\n"
    assert (done.returncode, done.stdout) == (0, f"1 session(s) erased from sqlite:///{place}\n")
    assert (again.returncode, unknown.returncode) == (1, 1)
    assert again.stderr == f"nothing is known of session erased in sqlite:///{place}\n"
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

    dry = run_command("erase", "--subject", "ann", "--dry-run", settings=settings | {"STORE_URL": store_url})
    first = run_command("erase", "--subject", "ann", settings=settings | {"STORE_URL": store_url})
    again = run_command("erase", "--subject", "ann", settings=settings | {"STORE_URL": store_url})

    assert (dry.returncode, sorted(dry.stdout.split())) == (0, ["of-ann-0", "of-ann-1", "of-ann-2"])
    assert "3 session(s) would be erased from postgresql://" in dry.stderr
    assert (first.returncode, first.stdout[:31]) == (0, "3 session(s) erased from postgr")
    assert (again.returncode, again.stdout) == (1, "")
    assert "nothing is known of this subject in postgresql://" in again.stderr
    assert {service.client.get(f"/sessions/of-ann-{number}").status_code for number in range(3)} == {404}
    assert service.read("of-bob")["context"] == {"step": 1}


@pytest.mark.parametrize(
    "command", ["erase chat-1", "erase --subject ann", "sync list", "sync retry --all", "sync retry chat-1"]
)
def test_a_command_in_the_wrong_directory_makes_no_database(command: str, tmp_path: Path) -> None:
    done = run_command(*command.split(), directory=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"session-keeper: there is no database at {tmp_path}/session-keeper.db "
        "(SESSION_KEEPER_STORE_URL is sqlite:///session-keeper.db)\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_what_only_the_service_remembers_cannot_be_erased_from_outside(tmp_path: Path) -> None:
    done = run_command("erase", "chat-1", settings={"STORE_URL": "memory://"}, directory=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert "SESSION_KEEPER_STORE_URL is memory://" in done.stderr
