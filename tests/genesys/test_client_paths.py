"""No id leads a call to another place of the API."""

import pytest

from application.errors import GenesysRefused
from domain.sync.policy import SyncTarget
from tests.genesys.clients import Caller, copy_of
from tests.genesys.scripted_server import ScriptedServer

ATTRIBUTES = SyncTarget.PARTICIPANT_ATTRIBUTES


@pytest.mark.parametrize(
    ("which", "bad"),
    [
        *((which, bad) for which in ("conversation", "participant") for bad in ("..", ".", "\ud800")),
        *(("session", bad) for bad in ("..", ".", "", "\ud800")),
    ],
)
async def test_an_id_that_would_lead_to_another_place_of_the_api_is_refused_without_a_call(
    server: ScriptedServer, genesys: Caller, which: str, bad: str
) -> None:
    target = SyncTarget.MESSAGING_SESSIONS if which == "session" else ATTRIBUTES
    copy = copy_of(
        target=target,
        session_id=bad if which == "session" else "s",
        conversation_id=bad if which == "conversation" else "c",
        participant_id=bad if which == "participant" else None,
    )

    with pytest.raises(GenesysRefused) as caught:
        await genesys.tell(target, copy)

    assert caught.value.failure.code == "id.unusable"
    assert server.asked == []
    assert genesys.in_flight == 0
