"""Participant attributes of a message conversation, which is what Genesys Cloud really offers.

The PATCH merges by key and is answered 202. Without a participant id, the newest customer participant
that has not left is looked up.
"""

from datetime import datetime
from http import HTTPStatus
from urllib.parse import quote

import msgspec

from adapters.genesys.client import GenesysClient
from adapters.genesys.failures import error_of_network
from application.errors import GenesysRefused
from domain.sync import SyncFailure
from domain.write_back import SessionCopy

CONVERSATIONS = "/api/v2/conversations/messages"


class _Participant(msgspec.Struct, rename="camel"):
    id: str
    purpose: str | None = None
    start_time: str | None = None
    connected_time: str | None = None
    end_time: str | None = None

    @property
    def began(self) -> str:
        """RFC 3339 in UTC with milliseconds, so that texts sort as times do."""
        return self.connected_time or self.start_time or ""


class _Conversation(msgspec.Struct):
    participants: list[_Participant] = []


async def tell_participant(client: GenesysClient, copy: SessionCopy, now: datetime) -> tuple[str, str]:
    """Sends the attributes; gives the conversation and participant they were sent to."""
    body = msgspec.json.encode({"attributes": copy.attributes(now)})
    if copy.participant_id is not None:
        try:
            await client.call("PATCH", _attributes_path(copy.conversation_id, copy.participant_id), body)
        except GenesysRefused as refusal:
            if not copy.participant_found or refusal.failure.status != HTTPStatus.NOT_FOUND:
                raise
            await client.take()
        else:
            return copy.conversation_id, copy.participant_id
    participant_id = await find_customer(client, copy.conversation_id)
    await client.take()
    await client.call("PATCH", _attributes_path(copy.conversation_id, participant_id), body)
    return copy.conversation_id, participant_id


def _attributes_path(conversation_id: str, participant_id: str) -> str:
    conversation, participant = quote(conversation_id, safe=""), quote(participant_id, safe="")
    return f"{CONVERSATIONS}/{conversation}/participants/{participant}/attributes"


async def find_customer(client: GenesysClient, conversation_id: str) -> str:
    """The newest participant with `purpose: customer` and no `endTime`; the last one listed, if equal.

    Raises:
        GenesysRefused: there is none, so there is nobody to tell until the session changes.
    """
    answer = await client.call("GET", f"{CONVERSATIONS}/{quote(conversation_id, safe='')}")
    try:
        conversation = msgspec.json.decode(answer, type=_Conversation)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise error_of_network(error) from error
    customers = [p for p in conversation.participants if p.purpose == "customer" and p.end_time is None]
    if not customers:
        raise GenesysRefused(
            SyncFailure(code="no.customer", reason="the conversation has no customer who has not left")
        )
    newest = max(enumerate(customers), key=lambda place: (place[1].began, place[0]))
    return newest[1].id
