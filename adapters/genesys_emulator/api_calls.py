"""The calls of the Platform API that Session Keeper makes."""

from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get, patch
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from adapters.genesys_emulator.conversations import Conversation
from adapters.genesys_emulator.json_only import json_only
from adapters.genesys_emulator.messaging_sessions import MessagingSession
from adapters.genesys_emulator.routes import MEDIA
from adapters.genesys_emulator.state import EmulatorState

AnyRequest = Request[Any, Any, Any]
_ATTRIBUTES = "participants/{participant_id:str}/attributes"
_MEDIA_ROOTS = [f"/api/v2/conversations/{medium}" for medium in MEDIA]


class ParticipantAttributes(msgspec.Struct, kw_only=True):
    """A map of string to string, as in the official SDKs' model of this name."""

    attributes: dict[str, str]


class SessionContext(msgspec.Struct, kw_only=True):
    context: dict[str, Any]


@get([f"{root}/{{conversation_id:str}}" for root in ("/api/v2/conversations", *_MEDIA_ROOTS)])
async def read_conversation(
    conversation_id: FromPath[str], request: AnyRequest, emulator: NamedDependency[EmulatorState]
) -> Conversation:
    """The same conversation by every path: the emulator does not keep which medium one has."""
    conversation = emulator.conversations.read(
        conversation_id, know_all=emulator.settings.know_all, now=emulator.now_text()
    )
    return msgspec.structs.replace(conversation, self_uri=request.scope["path"].rstrip("/"))


@patch(
    [f"{root}/{{conversation_id:str}}/{_ATTRIBUTES}" for root in _MEDIA_ROOTS],
    status_code=202,
    guards=[json_only],
)
async def patch_media_attributes(
    conversation_id: FromPath[str],
    participant_id: FromPath[str],
    data: JSONBody[ParticipantAttributes],
    emulator: NamedDependency[EmulatorState],
) -> ParticipantAttributes:
    """202 with all attributes of the participant (SDK: the media-specific calls answer them)."""
    return _write_attributes(conversation_id, participant_id, data, emulator)


@patch(f"/api/v2/conversations/{{conversation_id:str}}/{_ATTRIBUTES}", status_code=202, guards=[json_only])
async def patch_conversation_attributes(
    conversation_id: FromPath[str],
    participant_id: FromPath[str],
    data: JSONBody[ParticipantAttributes],
    emulator: NamedDependency[EmulatorState],
) -> Response[bytes]:
    """202 without a body (SDK: the generic call answers nothing)."""
    _write_attributes(conversation_id, participant_id, data, emulator)
    return Response(b"", media_type=MediaType.TEXT)


@get("/api/v2/messaging/sessions/{session_id:str}")
async def read_session(
    session_id: FromPath[str], emulator: NamedDependency[EmulatorState]
) -> MessagingSession:
    return emulator.sessions.read(session_id, know_all=emulator.settings.know_all, now=emulator.now_text())


@patch("/api/v2/messaging/sessions/{session_id:str}", status_code=200, guards=[json_only])
async def patch_session(
    session_id: FromPath[str],
    data: JSONBody[SessionContext],
    emulator: NamedDependency[EmulatorState],
) -> MessagingSession:
    """200 with the stored document; 400 when the context is over 10,240 bytes."""
    now = emulator.now_text()
    session = emulator.sessions.put_context(
        session_id, data.context, know_all=emulator.settings.know_all, now=now
    )
    emulator.writes.add("messaging-session", {"sessionId": session_id}, data.context, time=now)
    return session


def _write_attributes(
    conversation_id: str, participant_id: str, sent: ParticipantAttributes, emulator: EmulatorState
) -> ParticipantAttributes:
    now = emulator.now_text()
    merged = emulator.conversations.merge_attributes(
        conversation_id,
        participant_id,
        sent.attributes,
        know_all=emulator.settings.know_all,
        now=now,
    )
    ids = {"conversationId": conversation_id, "participantId": participant_id}
    emulator.writes.add("participant-attributes", ids, sent.attributes, time=now)
    return ParticipantAttributes(attributes=merged)
