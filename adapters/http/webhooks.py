"""`POST /webhook/messaging`: sender verified, body checked and decoded, one command."""

import logging
from dataclasses import dataclass, field
from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.status_codes import HTTP_200_OK, HTTP_413_REQUEST_ENTITY_TOO_LARGE

from adapters.http.answers import EventAnswer, encoded
from adapters.http.event_body import command_of, session_id_of
from adapters.http.openapi import EVENT_SCHEMA, EVENT_RESPONSES
from adapters.http.problems import BodyTooLarge, WrongMediaType
from adapters.http.senders import SIGNATURE_HEADER, Senders
from adapters.http.strict_json import JsonLimits, decode_strictly
from application.refuse_event import RefuseEvent
from application.use_cases import UseCases
from domain.errors import InvalidEvent
from domain.ttl_policy import TtlPolicy

JSON = "application/json"
_log = logging.getLogger("session_keeper.http")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRules:
    """What a webhook has to keep to; `body_bytes_max` counts the raw body."""

    senders: Senders = field(default_factory=Senders)
    json: JsonLimits = field(default_factory=JsonLimits)
    ttl: TtlPolicy = field(default_factory=TtlPolicy)
    body_bytes_max: int = 131_072


@dataclass
class EventOperation(Operation):
    """The body is read raw, since its signature is over the raw bytes; so its schema is told here."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(
            content={JSON: OpenAPIMediaType(schema=Schema(**EVENT_SCHEMA))}, required=True
        )


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
    request: Request[Any, Any, Any],
    use_cases: NamedDependency[UseCases],
    webhook_rules: NamedDependency[WebhookRules],
) -> Response[bytes]:
    """Answered once the session is durable; Genesys is told later (or now, with SYNC_MODE inline)."""
    body = await _body(request, webhook_rules)
    _check_media_type(request)
    document = decode_strictly(body, webhook_rules.json)
    try:
        command = command_of(document, webhook_rules.ttl)
    except InvalidEvent as refusal:
        known = session_id_of(document.get("sessionId")) if isinstance(document, dict) else None
        _log.warning("event refused", extra={"session_id": known, "reason": refusal.reason})
        await use_cases.refuse_event(RefuseEvent(session_id=known, refusal=refusal))
        raise
    persisted = await use_cases.persist_session(command)
    return Response(content=encoded(EventAnswer.of(persisted)), media_type=JSON)


async def _body(request: Request[Any, Any, Any], rules: WebhookRules) -> bytes:
    """The raw body of a sender that may send it."""
    try:
        body = await request.body()
    except ClientException as error:
        if error.status_code != HTTP_413_REQUEST_ENTITY_TOO_LARGE:
            raise
        announced = request.headers.get("content-length", "")
        byte_size = int(announced[:18]) if announced.isdigit() else None
        raise BodyTooLarge(byte_size, rules.body_bytes_max) from error
    rules.senders.check_webhook(
        body, request.headers.get(SIGNATURE_HEADER), request.headers.get("authorization")
    )
    return body


def _check_media_type(request: Request[Any, Any, Any]) -> None:
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media_type.strip().lower() != JSON or charset not in {"", "utf-8", "utf8"}:
        raise WrongMediaType("the body must be application/json in UTF-8")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise WrongMediaType("the body must not be compressed")
