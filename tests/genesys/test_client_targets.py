"""The two targets, told to the emulator over real connections."""

import contextlib
import re
from collections.abc import AsyncIterator

import pytest

from application.errors import GenesysRefused, GenesysUnavailable
from domain.sync.policy import SyncTarget
from tests.genesys.clients import Caller, copy_of, open_caller
from tests.genesys.emulator_server import RunningEmulator
from tests.genesys.scripted_server import scripted_server

ATTRIBUTES = SyncTarget.PARTICIPANT_ATTRIBUTES
NOW = "2026-01-01T12:00:00.000Z"


@pytest.fixture
async def genesys(emulator: RunningEmulator) -> AsyncIterator[Caller]:
    async with open_caller(emulator.url) as opened:
        yield opened


def converse(emulator: RunningEmulator, *participants: dict[str, str]) -> None:
    body = {"id": "c", "participants": list(participants)}
    emulator.client.post("/emulator/conversations", json=body).raise_for_status()


async def test_a_messaging_session_is_told_its_context_and_its_persistence(
    emulator: RunningEmulator, genesys: Caller
) -> None:
    await genesys.tell(copy=copy_of({"ü": [1, 2.5, None], "a": {"b": "c"}}, session_id="s:1.x"))

    (write,) = emulator.writes()
    context = write["document"]
    persistence = context.pop("persistence")
    assert write["ids"] == {"sessionId": "s:1.x"}
    assert context == {"ü": [1, 2.5, None], "a": {"b": "c"}}
    assert re.fullmatch(r"[0-9a-f-]{36}", persistence.pop("persistenceId"))
    assert persistence == {
        "syncStatus": "completed",
        "expiresAt": "2026-01-01T13:00:00.000Z",
        "lastSynced": NOW,
    }
    assert genesys.in_flight == 0


async def test_a_participant_that_the_sender_named_is_told_four_texts(
    emulator: RunningEmulator, genesys: Caller
) -> None:
    converse(emulator, {"id": "p", "purpose": "customer"})

    found = await genesys.tell(
        ATTRIBUTES, copy_of(target=ATTRIBUTES, conversation_id="c", participant_id="p")
    )

    (write,) = emulator.writes()
    attributes = write["document"]
    assert write["ids"] == {"conversationId": "c", "participantId": "p"}
    assert set(attributes) == {"sk_persistenceId", "sk_syncStatus", "sk_expiresAt", "sk_lastSynced"}
    assert all(isinstance(value, str) for value in attributes.values())
    assert found == ("c", "p")
    assert genesys.metrics.noted == ["called 2xx"]


async def test_without_a_participant_the_newest_customer_who_has_not_left_is_told(
    emulator: RunningEmulator, genesys: Caller
) -> None:
    converse(
        emulator,
        {"id": "agent", "purpose": "agent", "connectedTime": "2026-01-01T11:59:00.000Z"},
        {"id": "older", "purpose": "customer", "connectedTime": "2026-01-01T10:00:00.000Z"},
        {"id": "newest", "purpose": "customer", "connectedTime": "2026-01-01T11:00:00.000Z"},
        {
            "id": "left",
            "purpose": "customer",
            "connectedTime": "2026-01-01T11:30:00.000Z",
            "endTime": "2026-01-01T11:40:00.000Z",
        },
    )

    found = await genesys.tell(ATTRIBUTES, copy_of(target=ATTRIBUTES, conversation_id="c"))

    assert found == ("c", "newest")
    assert [write["ids"]["participantId"] for write in emulator.writes()] == ["newest"]
    assert genesys.metrics.noted == ["called 2xx", "called 2xx"]
    assert genesys.in_flight == 0


async def test_the_conversation_is_the_session_unless_the_sender_says_otherwise(genesys: Caller) -> None:
    found = await genesys.tell(ATTRIBUTES, copy_of(target=ATTRIBUTES, session_id="s-9"))

    assert found is not None
    assert found[0] == "s-9"


async def test_a_participant_that_was_found_before_is_told_without_a_look(
    emulator: RunningEmulator, genesys: Caller
) -> None:
    converse(emulator, {"id": "p", "purpose": "customer"}, {"id": "q", "purpose": "customer"})

    found = await genesys.tell(ATTRIBUTES, copy_of(target=ATTRIBUTES, conversation_id="c", found=("c", "p")))

    assert found == ("c", "p")
    assert genesys.metrics.noted == ["called 2xx"]


async def test_a_participant_that_is_gone_is_looked_up_anew(
    emulator: RunningEmulator, genesys: Caller
) -> None:
    converse(emulator, {"id": "q", "purpose": "customer"})

    found = await genesys.tell(
        ATTRIBUTES, copy_of(target=ATTRIBUTES, conversation_id="c", found=("c", "gone"))
    )

    assert found == ("c", "q")
    assert genesys.metrics.noted == ["called 4xx", "called 2xx", "called 2xx"]
    assert genesys.in_flight == 0


async def test_a_participant_that_was_found_for_another_conversation_is_not_told(
    emulator: RunningEmulator, genesys: Caller
) -> None:
    converse(emulator, {"id": "q", "purpose": "customer"})

    found = await genesys.tell(
        ATTRIBUTES, copy_of(target=ATTRIBUTES, conversation_id="c", found=("another", "p"))
    )

    assert found == ("c", "q")


async def test_a_participant_that_the_sender_named_is_not_replaced_by_another(
    emulator: RunningEmulator, genesys: Caller
) -> None:
    converse(emulator, {"id": "q", "purpose": "customer"})

    with pytest.raises(GenesysRefused) as caught:
        await genesys.tell(ATTRIBUTES, copy_of(target=ATTRIBUTES, conversation_id="c", participant_id="gone"))

    assert caught.value.failure.status == 404
    assert emulator.writes() == []


async def test_with_no_customer_left_there_is_nobody_to_tell(
    emulator: RunningEmulator, genesys: Caller
) -> None:
    converse(emulator, {"id": "a", "purpose": "agent"})

    with pytest.raises(GenesysRefused) as caught:
        await genesys.tell(ATTRIBUTES, copy_of(target=ATTRIBUTES, conversation_id="c"))

    assert caught.value.failure.code == "no.customer"
    assert genesys.in_flight == 0


async def test_ids_that_are_no_plain_names_stay_within_their_place_in_the_path() -> None:
    copy = copy_of(target=ATTRIBUTES, conversation_id="../c?x#y", participant_id="p/q %")
    async with scripted_server() as server, open_caller(server.url) as genesys:
        await genesys.tell(ATTRIBUTES, copy)

    (asked,) = server.asked
    assert asked.path == ("/api/v2/conversations/messages/..%2Fc%3Fx%23y/participants/p%2Fq%20%25/attributes")


async def test_every_call_that_the_emulator_counted_was_taken_from_the_budget(
    emulator: RunningEmulator, genesys: Caller
) -> None:
    emulator.faults("503:0.3", "close-after:0.2")
    for number in range(10):
        with contextlib.suppress(GenesysUnavailable):
            await genesys.tell(copy=copy_of(session_id=f"s{number}"))

    calls = emulator.client.get("/emulator/stats").json()["calls"]
    made = sum(call["count"] for call in calls if call["route"] != "/oauth/token")
    assert made == len(genesys.metrics.noted)
    assert genesys.in_flight == 0
