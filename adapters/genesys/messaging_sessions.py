"""`PATCH /api/v2/messaging/sessions/{sessionId}`: the contract of the `messaging-sessions` target."""

from datetime import datetime

from adapters.genesys.client import GenesysClient
from adapters.genesys.paths import api_path
from application.ports.genesys import CallPermit
from domain.sync.session_copy import SessionCopy


async def deliver_context(
    client: GenesysClient, copy: SessionCopy, now: datetime, permit: CallPermit
) -> None:
    """Sends the context and the persistence block together."""
    body = b'{"context":' + copy.context_document(now) + b"}"
    await client.call("PATCH", api_path("messaging", "sessions", copy.session_id), body, permit=permit)
