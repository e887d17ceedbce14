"""What Genesys refused is listed and put back while the service runs; files are linted without one."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import StartService
from tests.e2e.service import EmulatorProcess, run_command
from tests.servers.processes import wait_until


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
def test_refused_sessions_are_listed_and_told_once_they_are_put_back(
    start_service: StartService, emulator: EmulatorProcess, settings: dict[str, str], store_url: str
) -> None:
    over = {"STORE_URL": store_url}
    service = start_service(over=over)
    emulator.faults("400@PATCH")
    for number in range(3):
        service.post(f"chat-{number}", {"step": number})
    wait_until(
        lambda: {service.sync_status(f"chat-{number}") for number in range(3)} == {"failed"},
        "all to be refused",
    )
    emulator.faults()

    listed = run_command("sync", "list", settings=settings | over)
    other = run_command("sync", "retry", "--reason", "not.found", settings=settings | over)
    dry = run_command("sync", "retry", "--reason", "bad.request", "--dry-run", settings=settings | over)
    one = run_command("sync", "retry", "chat-1", settings=settings | over)
    service.wait_until_synced("chat-1")
    again = run_command("sync", "retry", "chat-1", "unheard-of", settings=settings | over)
    rest = run_command("sync", "retry", "--all", settings=settings | over)
    service.wait_until_synced("chat-0", "chat-2")

    assert "bad.request" in listed.stdout
    assert "3" in listed.stdout.split()
    assert dry.stdout.split() == ["chat-0", "chat-1", "chat-2"]
    assert one.stdout.split() == ["chat-1"]
    assert "no sync has failed with not.found; there is bad.request (3)" in other.stderr
    assert (again.returncode, again.stdout) == (1, "")
    assert "session-keeper: chat-1: its sync has not failed, it is completed" in again.stderr
    assert "session-keeper: unheard-of: no such session in " in again.stderr
    assert rest.stdout.split() == ["chat-0", "chat-2"]
    assert emulator.sessions()["chat-2"]["step"] == 2
    trail = service.client.get("/sessions/chat-1/audit").json()["entries"]
    assert [entry["action"] for entry in trail] == [
        "SESSION_PERSISTED",
        "SESSION_SYNC_FAILED",
        "SESSION_SYNC_RETRIED",
        "SESSION_SYNCED",
    ]
    assert "contextId" in trail[1]["reason"]
    assert run_command("sync", "list", settings=settings | over).stdout == "no sync has failed for good\n"


def test_sync_retry_wants_to_know_which() -> None:
    assert run_command("sync", "retry").returncode == 2
    assert run_command("sync", "retry", "--all", "chat-1").returncode == 2
    assert run_command("sync", "retry", "not an id").returncode == 2


def test_lint_tells_every_violation_in_a_line_and_fails(tmp_path: Path) -> None:
    good, bad, event = (tmp_path / f"{name}.json" for name in ("good", "bad", "event"))
    good.write_text('{"a": 1}')
    bad.write_text('{"a": 1, "a": 2, "b": {"__proto__": 12345678901234567890}}')
    event.write_text(json.dumps({"eventType": "message", "context": []}))

    assert run_command("lint", str(good)).returncode == 0
    done = run_command("lint", str(good), str(bad))
    events = run_command("lint", "--events", str(event))
    large = run_command("lint", str(good), settings={"CONTEXT_MAX_BYTES": "4"})

    assert done.returncode == 1
    assert [line.removeprefix(f"{bad}: ").split(": ")[:2] for line in done.stdout.splitlines()] == [
        ["/a", "duplicate_name"],
        ["/b/__proto__", "dangerous_name"],
        ["/b/__proto__", "number_out_of_range"],
    ]
    assert {line.split(": ")[1] for line in events.stdout.splitlines()} == {"/sessionId", "/context"}
    assert (large.returncode, "too_large" in large.stdout) == (1, True)


def test_lint_names_what_the_service_would_ignore_refuse_or_take_for_something_else(tmp_path: Path) -> None:
    plain = {"sessionId": "s", "eventType": "message"}
    events = {
        "ignored": plain | {"channel": "web"},
        "misspelt": plain | {"contextmode": "merge"},
        "activity": plain | {"eventType": "session_ended"},
    }
    for name, event in events.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(event))

    done = {name: run_command("lint", "--events", f"{name}.json", directory=tmp_path) for name in events}

    assert {name: (one.returncode, one.stdout.split(": ")[1:3]) for name, one in done.items()} == {
        "ignored": (0, ["/channel", "ignored_field"]),
        "misspelt": (1, ["/contextmode", "misspelt_field"]),
        "activity": (1, ["/eventType", "misspelt_value"]),
    }
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"] * 3


def test_a_broken_schema_stops_the_start_with_its_line(tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text('{\n  "properties": {\n    "a": {"type": "nonsense"}\n  }\n}')

    done = run_command("serve", settings={"CONTEXT_SCHEMA": str(schema)})

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "SESSION_KEEPER_CONTEXT_SCHEMA" in done.stderr
    assert "line 3" in done.stderr
