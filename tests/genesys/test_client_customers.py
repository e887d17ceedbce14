"""Which participant of a conversation is told, and what becomes of conversations that make no sense."""

from typing import Any

import pytest

from application.errors import GenesysRefused
from domain.sync.policy import SyncTarget
from tests.genesys.clients import Caller, copy_of
from tests.genesys.scripted_server import Answer, ScriptedServer

ATTRIBUTES = SyncTarget.PARTICIPANT_ATTRIBUTES
pytestmark = pytest.mark.usefixtures("no_waiting_between_attempts")


def customer(name: str, connected: str | None = None, *, end: str | None = None, **more: Any) -> Any:
    times = {"connectedTime": connected, "endTime": end}
    return {"id": name, "purpose": "customer"} | {k: v for k, v in times.items() if v is not None} | more


async def delivered(server: ScriptedServer, genesys: Caller, conversation: Any) -> tuple[str, str] | None:
    server.script = [Answer(body=conversation)]
    return await genesys.tell(ATTRIBUTES, copy_of(target=ATTRIBUTES, conversation_id="c"))


EARLY, LATE = "2026-01-01T10:00:00.000Z", "2026-01-01T11:00:00.000Z"


@pytest.mark.parametrize(
    ("participants", "chosen"),
    [
        # one who is there comes before one who came later and has left
        ([customer("there", EARLY), customer("left", LATE, end=LATE)], "there"),
        # when all have left, the one who came last
        ([customer("new", LATE, end=LATE), customer("old", EARLY, end=LATE)], "new"),
        ([customer("a", EARLY, end=EARLY), customer("b", EARLY, end=EARLY)], "b"),
        # moments are compared, not texts: the second is earlier by an hour
        ([customer("new", "2026-01-01T10:30:00Z"), customer("old", "2026-01-01T11:30:00+02:00")], "new"),
        ([customer("new", "2026-01-01T10:00:00.001Z"), customer("old", "2026-01-01T10:00:00Z")], "new"),
        # without a time when it connected, the time when it was made counts
        ([customer("new", startTime=LATE), customer("old", EARLY)], "new"),
        ([customer("timed", EARLY), customer("untimed")], "timed"),
        ([customer("timed", EARLY), customer("odd", "yesterday")], "timed"),
        ([customer("c", EARLY), {"id": "a", "purpose": "agent", "connectedTime": LATE}], "c"),
        # what is odd about others does not matter
        ([{"purpose": "agent"}, 5, None, {"purpose": 7}, customer("c")], "c"),
    ],
)
async def test_the_newest_customer_is_told_one_who_is_there_first(
    server: ScriptedServer, genesys: Caller, participants: list[Any], chosen: str
) -> None:
    found = await delivered(server, genesys, {"id": "c", "participants": participants})

    assert found == ("c", chosen)
    assert server.asked[-1].path.endswith(f"/participants/{chosen}/attributes")
    assert genesys.in_flight == 0


@pytest.mark.parametrize(
    "conversation",
    [
        {"participants": None},
        {"participants": {}},
        {"participants": "x"},
        {"participants": [{"purpose": "customer"}]},
        {"participants": [{"purpose": "customer", "id": None}]},
        {"participants": [{"purpose": "customer", "id": 5}]},
        {"participants": [{"purpose": "customer", "id": ""}]},
        {"participants": [{"purpose": "customer", "id": ".."}]},
        {"participants": [{"purpose": "customer", "id": "a\u0000"}]},
        {"participants": [{"purpose": "customer", "id": "x" * 300}]},
        {"participants": [customer("c", endTime=5)]},
        {"participants": [customer("good"), customer("odd", connectedTime=[])]},
        [],
        None,
        b"",
        b"<html>",
        b"\xff",
        b"[" * 100_000,
        b'{"participants": ' + b"[" * 100_000,
        b'{"participants": [' + b'{"id":"x","purpose":"customer"},' * 5000 + b"{}]}",
    ],
)
async def test_a_conversation_that_makes_no_sense_is_a_refusal_of_that_session_and_no_outage(
    server: ScriptedServer, genesys: Caller, conversation: Any
) -> None:
    with pytest.raises(GenesysRefused) as caught:
        await delivered(server, genesys, conversation)

    assert caught.value.failure.code == "conversation.unreadable"
    assert len(server.asked) == 1
    assert genesys.in_flight == 0


@pytest.mark.parametrize(
    "participants", [[], [{"id": "a", "purpose": "agent"}], [{"id": "a"}, {"purpose": "agent"}]]
)
async def test_a_conversation_without_any_customer_is_a_refusal_of_its_own(
    server: ScriptedServer, genesys: Caller, participants: list[Any]
) -> None:
    with pytest.raises(GenesysRefused) as caught:
        await delivered(server, genesys, {"participants": participants})

    assert caught.value.failure.code == "no.customer"
    assert genesys.in_flight == 0
