"""Participant attributes of a message conversation, which is what Genesys Cloud really offers.

The PATCH merges by key and is answered 202. Without a participant id, the newest customer participant is
looked up, one who has not left first.
"""

from datetime import datetime
from http import HTTPStatus

import msgspec

from adapters.genesys.client import GenesysClient
from adapters.genesys.conversation import customers_of, recipient_among
from adapters.genesys.paths import api_path
from application.errors import GenesysRefused
from application.ports.genesys import CallPermit
from domain.sync.session_copy import SessionCopy


async def deliver_attributes(
    client: GenesysClient, copy: SessionCopy, now: datetime, permit: CallPermit
) -> tuple[str, str]:
    """Sends the attributes; gives the conversation and participant they were sent to.

    `permit` is for the first call.
    """
    right: CallPermit | None = permit
    body = msgspec.json.encode({"attributes": copy.attributes(now)})
    if copy.participant_id is not None:
        path = _attributes_path(copy.conversation_id, copy.participant_id)
        try:
            await client.call("PATCH", path, body, permit=right)
        except GenesysRefused as refusal:
            if not copy.participant_found or refusal.failure.status != HTTPStatus.NOT_FOUND:
                raise
            right = None
        else:
            return copy.conversation_id, copy.participant_id
    participant_id = await find_customer(client, copy.conversation_id, right)
    path = _attributes_path(copy.conversation_id, participant_id)
    await client.call("PATCH", path, body)
    return copy.conversation_id, participant_id


def _attributes_path(conversation_id: str, participant_id: str) -> str:
    return api_path(
        "conversations", "messages", conversation_id, "participants", participant_id, "attributes"
    )


async def find_customer(client: GenesysClient, conversation_id: str, permit: CallPermit | None = None) -> str:
    """The id of the participant that `recipient_among` names.

    Raises:
        GenesysRefused: there is none, or the conversation cannot be read: nothing can be delivered until
            the session changes.
    """
    answer = await client.call("GET", api_path("conversations", "messages", conversation_id), permit=permit)
    return recipient_among(customers_of(answer)).id
