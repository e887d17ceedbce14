"""`POST /webhook/messaging`: sender verified, body checked and decoded, one command."""

import logging
from dataclasses import dataclass, field
from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, InternalServerException
from litestar.status_codes import HTTP_200_OK, HTTP_413_REQUEST_ENTITY_TOO_LARGE

from adapters.event_json.event_body import Remarks, command_of, remarks_on, session_id_of
from adapters.event_json.strict_json import InvalidJson, JsonLimits, decode_strictly
from adapters.http.answers import EventAnswer, encoded
from adapters.http.errors import BodyTooLarge, SenderGone, WrongMediaType
from adapters.http.openapi import EVENT_RESPONSES, EventOperation
from adapters.http.senders import SIGNATURE_HEADER, Senders
from application.errors import StoreUnavailable
from application.use_cases import UseCases
from application.use_cases.persist_session import PersistSession
from application.use_cases.refuse_event import RefuseEvent
from domain.errors import EventRefused, InvalidEvent
from domain.ids import SessionId
from domain.session.ttl_policy import TtlPolicy

JSON = "application/json"
_log = logging.getLogger("session_keeper.http")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRules:
    """What a webhook has to keep to; `body_bytes_max` counts the raw body."""

    senders: Senders = field(default_factory=Senders)
    json: JsonLimits = field(default_factory=JsonLimits)
    ttl: TtlPolicy = field(default_factory=TtlPolicy)
    body_bytes_max: int = 131_072


@dataclass(frozen=True, slots=True)
class EventIntake:
    """What the handler needs, in one piece: Litestar resolves one dependency without a task group."""

    use_cases: UseCases
    rules: WebhookRules


@post(
    "/webhook/messaging",
    operation_class=EventOperation,
    operation_id="ReceiveSessionEvent",
    summary="Take in one event of a session",
    status_code=HTTP_200_OK,
    responses=EVENT_RESPONSES,
    tags=["webhook"],
)
async def receive_event(
    request: Request[Any, Any, Any], intake: NamedDependency[EventIntake]
) -> Response[bytes]:
    """Answered once the session is durable; delivery to Genesys follows (SYNC_MODE inline tries it first)."""
    command, remarks = await _command(request, intake.use_cases, intake.rules)
    try:
        persisted = await intake.use_cases.persist_session(command)
    except EventRefused as refusal:
        _warn(command.session_id, refusal)
        raise
    answer = EventAnswer.of(persisted)
    answer.ignored_fields, answer.hints = list(remarks.ignored_fields), list(remarks.hints)
    facts = {"session_id": answer.session_id, "outcome": answer.outcome, "revision": answer.revision}
    _log.debug("event taken in", extra=facts)
    for hint in remarks.hints:
        _log.warning("misspelt perhaps", extra={"session_id": answer.session_id, "reason": hint})
    return Response(content=encoded(answer), media_type=JSON)


async def _command(
    request: Request[Any, Any, Any], use_cases: UseCases, rules: WebhookRules
) -> tuple[PersistSession, Remarks]:
    """The command in a request, and what is to be said of it.

    What is refused is counted, and noted in the trail of its session.
    """
    session_id: SessionId | None = None
    try:
        body = await _body(request, rules)
        _check_media_type(request)
        document = decode_strictly(body, rules.json)
        if isinstance(document, dict):
            session_id = session_id_of(document.get("sessionId"))
        command = command_of(document, rules.ttl)
        return command, remarks_on(document)
    except InvalidJson as error:
        await _refuse(use_cases, None, InvalidEvent(error.violations))
        raise
    except EventRefused as refusal:
        await _refuse(use_cases, session_id, refusal)
        raise


async def _body(request: Request[Any, Any, Any], rules: WebhookRules) -> bytes:
    """The raw body of a sender that may send it."""
    try:
        body = await request.body()
    except InternalServerException as error:
        raise SenderGone from error
    except ClientException as error:
        if error.status_code != HTTP_413_REQUEST_ENTITY_TOO_LARGE:
            raise
        announced = request.content_length
        over = announced is not None and announced > rules.body_bytes_max
        raise BodyTooLarge(announced if over else None, rules.body_bytes_max) from error
    rules.senders.check_webhook(
        body, request.headers.get(SIGNATURE_HEADER), request.headers.get("authorization")
    )
    return body


def _check_media_type(request: Request[Any, Any, Any]) -> None:
    media_type, *parameters = request.headers.get("content-type", "").lower().split(";")
    named = dict(parameter.strip().partition("=")[::2] for parameter in parameters)
    if media_type.strip() != JSON or named.get("charset", "utf-8").strip('"') not in {"utf-8", "utf8"}:
        raise WrongMediaType("the body must be application/json in UTF-8")
    if request.headers.get("content-encoding", "").strip().lower() not in {"", "identity"}:
        raise WrongMediaType("the body must not be compressed")


async def _refuse(use_cases: UseCases, session_id: SessionId | None, refusal: EventRefused) -> None:
    """The fault is the sender's, and the answer says so, also when the store cannot take the note."""
    _warn(session_id, refusal)
    try:
        await use_cases.refuse_event(RefuseEvent(session_id=session_id, refusal=refusal))
    except StoreUnavailable as error:
        facts = {"session_id": session_id, "reason": str(error)}
        _log.warning("store did not answer; a refusal is missing in the audit trail", extra=facts)


def _warn(session_id: SessionId | None, refusal: EventRefused) -> None:
    """Codes, not pointers: names of variables are the sender's, and may be many and long."""
    reason = str(refusal)
    if isinstance(refusal, InvalidEvent):
        reason = ", ".join(sorted({violation.code for violation in refusal.violations}))
    _log.warning("event refused", extra={"session_id": session_id, "reason": reason})
