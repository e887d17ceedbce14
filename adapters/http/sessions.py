"""Sessions and their audit trail."""

import hashlib
import re
from typing import Annotated, Any

from litestar import Request, Response, delete, get
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import FromPath, QueryParameter
from litestar.status_codes import HTTP_204_NO_CONTENT, HTTP_304_NOT_MODIFIED
from litestar.types import Receive, Scope, Send

from adapters.event_json.event_body import SESSION_ID, session_id_of
from adapters.http.answers import AuditAnswer, AuditEntryAnswer, SessionAnswer, encoded
from adapters.http.bare_asgi import (
    header_text,
    header_texts,
    headers_of,
    send_json,
    send_not_modified,
    send_problem,
)
from adapters.http.openapi import AUDIT_RESPONSES, ERASE_RESPONSES, SESSION_RESPONSES, DocumentedOperation
from adapters.http.senders import Senders
from application.errors import SessionNotFound
from application.use_cases import UseCases
from application.use_cases.erase_session import EraseSession
from application.use_cases.read_session import ReadAuditTrail, ReadSession
from domain.ids import SessionId
from domain.session.state import SessionState

JSON = "application/json"
SESSIONS = "/sessions/"
SESSION_PATH = re.compile(re.escape(SESSIONS) + SESSION_ID.pattern)
CACHE_CONTROL = "private, no-cache"
PAGE_MAX = 1000


async def check_query(request: Request[Any, Any, Any]) -> None:
    """Runs before the parameters are read: where one is wrong, Litestar decodes the whole query strictly."""
    _check_text(request.scope["query_string"])


def _check_text(query: bytes) -> None:
    try:
        query.decode()
    except UnicodeDecodeError as error:
        raise ClientException from error


@get(
    "/sessions/{session_id:str}",
    operation_class=DocumentedOperation,
    operation_id="ReadSession",
    summary="A session as it is now",
    responses=SESSION_RESPONSES,
    tags=["sessions"],
)
async def read_session(
    request: Request[Any, Any, Any], session_id: FromPath[str], use_cases: NamedDependency[UseCases]
) -> Response[bytes]:
    """For the OpenAPI document, for HEAD, and for ids that are none; see `SessionReader`."""
    state = await use_cases.read_session(ReadSession(session_id=_known(session_id)))
    body, etag = _tagged(state)
    headers = {"etag": etag, "cache-control": CACHE_CONTROL}
    if _matches(request.headers.getall("if-none-match", []), etag):
        return Response(content=b"", status_code=HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(content=body, media_type=JSON, headers=headers)


class SessionReader:
    """`GET /sessions/{sessionId}` as an ASGI application, for paths that match `SESSION_PATH`."""

    def __init__(self, use_cases: UseCases, senders: Senders) -> None:
        self._use_cases = use_cases
        self._senders = senders

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            headers = headers_of(scope)
            self._senders.check_caller(header_text(headers, b"authorization"))
            _check_text(scope["query_string"])
            session_id = _known(scope["path"].removeprefix(SESSIONS))
            body, etag = _tagged(await self._use_cases.read_session(ReadSession(session_id=session_id)))
        except Exception as error:  # noqa: BLE001 - the table of problems has an answer to every one
            await send_problem(error, scope, receive, send)
            return
        lines = ((b"etag", etag.encode()), (b"cache-control", CACHE_CONTROL.encode()))
        if b"if-none-match" in headers and _matches(header_texts(scope, b"if-none-match"), etag):
            await send_not_modified(send, *lines)
        else:
            await send_json(send, body, *lines)


def _tagged(state: SessionState) -> tuple[bytes, str]:
    """The answer, and its `ETag`: a digest of all of it, so it changes with the expiry and the sync, too."""
    body = encoded(SessionAnswer.of(state))
    return body, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


@delete(
    "/sessions/{session_id:str}",
    operation_class=DocumentedOperation,
    operation_id="EraseSession",
    summary="Erase a session for good",
    status_code=HTTP_204_NO_CONTENT,
    responses=ERASE_RESPONSES,
    tags=["sessions"],
)
async def erase_session(session_id: FromPath[str], use_cases: NamedDependency[UseCases]) -> None:
    """Context, pending sync and trail are gone; a tombstone keeps older events from bringing them back."""
    known = session_id_of(session_id)
    if known is not None:
        await use_cases.erase_session(EraseSession(session_id=known))


@get(
    "/sessions/{session_id:str}/audit",
    operation_class=DocumentedOperation,
    operation_id="ReadAuditTrail",
    summary="What was decided about a session",
    responses=AUDIT_RESPONSES,
    tags=["sessions"],
)
async def read_audit_trail(
    session_id: FromPath[str],
    use_cases: NamedDependency[UseCases],
    after: Annotated[
        str | None, QueryParameter(description="The `next` of the page before; leave it out for the first.")
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=PAGE_MAX, description="Entries on a page.")] = 100,
) -> Response[bytes]:
    """Oldest first. The trail outlives the session; it is empty for a session that nobody heard of."""
    known = session_id_of(session_id)
    page = None
    if known is not None:
        page = await use_cases.read_audit_trail(ReadAuditTrail(session_id=known, after=after, limit=limit))
    answer = AuditAnswer(
        session_id=session_id,
        entries=[AuditEntryAnswer.of(entry) for entry in page.entries] if page else [],
        next=page.next_after if page else None,
    )
    return Response(content=encoded(answer), media_type=JSON)


def _known(session_id: str) -> SessionId:
    known = session_id_of(session_id)
    if known is None:
        raise SessionNotFound(session_id)
    return known


def _matches(if_none_match: list[str], etag: str) -> bool:
    """RFC 9110 section 13.1.2: lists of tags, or `*`; weak ones compare as strong ones do."""
    tags = {tag.strip().removeprefix("W/") for line in if_none_match for tag in line.split(",")}
    return "*" in tags or etag in tags
