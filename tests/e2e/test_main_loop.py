"""The loop that everything is about: an event comes in, is kept, can be read, and Genesys is told."""

from collections.abc import Callable

import pytest

from tests.e2e.conftest import StartService
from tests.e2e.service import CommandProcess, EmulatorProcess
from tests.servers.processes import wait_until


def test_an_event_is_kept_read_and_told_with_its_persistence_block(
    start_service: StartService, emulator: EmulatorProcess
) -> None:
    service = start_service()

    answer = service.post("chat-1", {"cart": ["umbrella"], "tier": "gold"})
    service.wait_until_synced("chat-1")
    told = emulator.sessions()["chat-1"]
    document = service.read("chat-1")

    assert answer.status_code == 200
    assert answer.json()["outcome"] == "persisted"
    assert document["context"] == {"cart": ["umbrella"], "tier": "gold"}
    assert {name: value for name, value in told.items() if name != "persistence"} == document["context"]
    assert set(told["persistence"]) == {"persistenceId", "syncStatus", "expiresAt", "lastSynced"}
    assert told["persistence"]["persistenceId"] == answer.json()["persistenceId"]
    assert told["persistence"]["syncStatus"] == "completed"
    assert told["persistence"]["lastSynced"] == document["persistence"]["lastSynced"]


def test_what_changes_after_a_sync_is_told_again_and_what_does_not_is_not(
    start_service: StartService, emulator: EmulatorProcess
) -> None:
    service = start_service()
    service.post("chat-1", {"step": 1})
    service.wait_until_synced("chat-1")
    assert len(emulator.writes()) == 1

    assert service.post("chat-1", {"step": 1}).json()["outcome"] == "unchanged"
    service.post("chat-1", {"step": 2})
    wait_until(lambda: emulator.sessions()["chat-1"]["step"] == 2, "the second step to be told")
    service.wait_until_synced("chat-1")

    assert len(emulator.writes()) == 2


def test_participant_attributes_are_written_to_the_customer_of_the_conversation(
    start_service: StartService, emulator: EmulatorProcess
) -> None:
    order = {"id": "conversation-1", "participants": [{"id": "customer-1", "purpose": "customer"}]}
    emulator.client.post("/emulator/conversations", json=order).raise_for_status()
    service = start_service(over={"SYNC_TARGET": "participant-attributes"})

    answer = service.post("chat-1", {"tier": "gold"}, conversationId="conversation-1")
    service.wait_until_synced("chat-1")
    (write,) = emulator.writes()

    assert write["ids"] == {"conversationId": "conversation-1", "participantId": "customer-1"}
    assert set(write["document"]) == {
        "sk_persistenceId",
        "sk_syncStatus",
        "sk_expiresAt",
        "sk_lastSynced",
    }
    assert write["document"]["sk_persistenceId"] == answer.json()["persistenceId"]


def test_in_inline_mode_genesys_is_told_before_the_answer(
    start_service: StartService, emulator: EmulatorProcess
) -> None:
    service = start_service(over={"SYNC_MODE": "inline"})

    answer = service.post("chat-1", {"tier": "gold"}).json()
    told = emulator.sessions()

    assert answer["syncStatus"] == "completed"
    assert told["chat-1"]["persistence"]["persistenceId"] == answer["persistenceId"]


def test_in_inline_mode_what_takes_too_long_is_left_to_the_loop(
    start_service: StartService, emulator: EmulatorProcess
) -> None:
    service = start_service(over={"SYNC_MODE": "inline", "SYNC_INLINE_SECONDS": "0.2"})
    emulator.faults("hang=30:1x@PATCH")

    answer = service.post("chat-1", {"tier": "gold"}).json()
    assert answer["syncStatus"] == "pending"
    service.wait_until_synced("chat-1")

    assert emulator.sessions()["chat-1"]["tier"] == "gold"


def test_with_the_target_none_nobody_is_told(start_service: StartService, emulator: EmulatorProcess) -> None:
    service = start_service(over={"SYNC_TARGET": "none"})

    answer = service.post("chat-1", {"tier": "gold"}).json()

    assert answer["syncStatus"] == "disabled"
    assert service.stop() == 0
    assert emulator.statistics()["calls"] == []


def test_without_a_worker_sessions_wait_for_a_separate_one(
    start_service: StartService,
    emulator: EmulatorProcess,
    settings: dict[str, str],
    closing: Callable[[CommandProcess], None],
) -> None:
    service = start_service("--no-worker")
    service.post("chat-1", {"tier": "gold"})
    assert service.sync_status("chat-1") == "pending"
    assert emulator.statistics()["calls"] == []

    worker = CommandProcess("worker", settings=settings)
    closing(worker)
    worker.start()
    service.wait_until_synced("chat-1")

    assert emulator.sessions()["chat-1"]["tier"] == "gold"


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
def test_several_processes_serve_one_store(
    store_url: str, start_service: StartService, emulator: EmulatorProcess
) -> None:
    service = start_service("--workers", "2", over={"STORE_URL": store_url})
    names = [f"chat-{number}" for number in range(40)]

    service.client.headers["connection"] = "close"  # so that both processes get some
    for step in range(3):
        for name in names:
            assert service.post(name, {"step": step}).json()["revision"] == step + 1
    service.wait_until_synced(*names)

    assert {name: context["step"] for name, context in emulator.sessions().items()} == dict.fromkeys(names, 2)
    assert service.stop() == 0


def test_the_memory_store_does_everything_but_remember(
    start_service: StartService, emulator: EmulatorProcess
) -> None:
    service = start_service(over={"STORE_URL": "memory://"})
    service.post("chat-1", {"tier": "gold"})
    service.wait_until_synced("chat-1")
    assert service.stop() == 0

    service.start()

    assert service.client.get("/sessions/chat-1").status_code == 404
    assert emulator.sessions()["chat-1"]["tier"] == "gold"
    assert "forgets every session" in service.output()
