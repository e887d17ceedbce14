"""`POST /webhook/messaging`: sender verified, body checked and decoded, one command."""

import logging
from dataclasses import dataclass, field

from litestar import post
from litestar.di import NamedDependency
from litestar.status_codes import HTTP_200_OK
from litestar.types import ASGIApp, Receive, Scope, Send

from adapters.event_json.event_body import Remarks, command_of, remarks_on, session_id_of
from adapters.event_json.strict_json import InvalidJson, JsonLimits, decode_strictly
from adapters.http.answers import EventAnswer, encoded
from adapters.http.bare_asgi import Headers, header_text, headers_of, read_body, send_json, send_problem
from adapters.http.errors import WrongMediaType
from adapters.http.openapi import EVENT_RESPONSES, EventOperation
from adapters.http.senders import Senders
from application.errors import StoreUnavailable
from application.use_cases import UseCases
from application.use_cases.persist_session import PersistSession
from application.use_cases.refuse_event import RefuseEvent
from domain.errors import EventRefused, InvalidEvent
from domain.ids import SessionId
from domain.session.ttl_policy import TtlPolicy

WEBHOOK_PATH = "/webhook/messaging"
JSON = b"application/json"
SIGNATURE_HEADER = b"x-hub-signature-256"
_log = logging.getLogger("session_keeper.http")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRules:
    """What a webhook has to keep to; `body_bytes_max` counts the raw body."""

    senders: Senders = field(default_factory=Senders)
    json: JsonLimits = field(default_factory=JsonLimits)
    ttl: TtlPolicy = field(default_factory=TtlPolicy)
    body_bytes_max: int = 131_072


class EventIntake:
    """`POST /webhook/messaging` as an ASGI application, which answers for all that goes wrong, too."""

    def __init__(self, use_cases: UseCases, rules: WebhookRules) -> None:
        self._use_cases = use_cases
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answered once the session is durable; delivery to Genesys follows.

        With SYNC_MODE inline it is tried first.
        """
        try:
            command, remarks = await self._command(scope, receive)
            answer = await self._persisted(command, remarks)
        except Exception as error:  # noqa: BLE001 - the table of problems has an answer to every one
            await send_problem(error, scope, receive, send)
        else:
            await send_json(send, answer)

    async def _persisted(self, command: PersistSession, remarks: Remarks) -> bytes:
        try:
            persisted = await self._use_cases.persist_session(command)
        except EventRefused as refusal:
            _warn(command.session_id, refusal)
            raise
        answer = EventAnswer.of(persisted)
        answer.ignored_fields, answer.hints = list(remarks.ignored_fields), list(remarks.hints)
        if _log.isEnabledFor(logging.DEBUG):
            facts = {
                "session_id": answer.session_id,
                "outcome": answer.outcome,
                "revision": answer.revision,
            }
            _log.debug("event taken in", extra=facts)
        for hint in remarks.hints:
            _log.warning("misspelt perhaps", extra={"session_id": answer.session_id, "reason": hint})
        return encoded(answer)

    async def _command(self, scope: Scope, receive: Receive) -> tuple[PersistSession, Remarks]:
        """The command in a request, and what is to be said of it.

        What is refused is counted, and noted in the trail of its session.
        """
        document: object = None
        try:
            headers = headers_of(scope)
            body = await read_body(headers, receive, self._rules.body_bytes_max)
            self._rules.senders.check_webhook(
                body, header_text(headers, SIGNATURE_HEADER), header_text(headers, b"authorization")
            )
            _check_media_type(headers)
            document = decode_strictly(body, self._rules.json)
            command = command_of(document, self._rules.ttl)
            return command, remarks_on(document)
        except InvalidJson as error:
            await _refuse(self._use_cases, None, InvalidEvent(error.violations))
            raise
        except EventRefused as refusal:
            session_id = document.get("sessionId") if isinstance(document, dict) else None
            await _refuse(self._use_cases, session_id_of(session_id), refusal)
            raise


@post(
    WEBHOOK_PATH,
    operation_class=EventOperation,
    operation_id="ReceiveSessionEvent",
    summary="Take in one event of a session",
    status_code=HTTP_200_OK,
    responses=EVENT_RESPONSES,
    tags=["webhook"],
)
async def receive_event(intake: NamedDependency[EventIntake]) -> ASGIApp:
    """For the OpenAPI document, and for other spellings of the path: a slash at its end."""
    return intake


def _check_media_type(headers: Headers) -> None:
    content_type = headers.get(b"content-type", b"")
    if content_type != JSON:
        media_type, *parameters = content_type.lower().split(b";")
        named = dict(parameter.strip().partition(b"=")[::2] for parameter in parameters)
        charset = named.get(b"charset", b"utf-8").strip(b'"')
        if media_type.strip() != JSON or charset not in {b"utf-8", b"utf8"}:
            raise WrongMediaType("the body must be application/json in UTF-8")
    content_encoding = headers.get(b"content-encoding")
    if content_encoding and content_encoding.strip().lower() not in {b"", b"identity"}:
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
