"""The one table from errors to HTTP answers. Errors do not know HTTP; an unknown one is shown as nothing."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from adapters.event_json.strict_json import InvalidJson
from adapters.http.answers import ProblemAnswer, VariableAnswer, ViolationAnswer
from adapters.http.errors import BodyTooLarge, NotAuthorised, SenderGone, WrongMediaType
from application.errors import SessionNotFound, StoreUnavailable, UnknownCursor
from domain.errors import ContextTooLarge, InvalidEvent, Violation

PROBLEM_MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 1
_log = logging.getLogger("session_keeper.http")


def problem_response(problem: ProblemAnswer, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    return Response(
        content=msgspec.json.encode(problem),
        status_code=problem.status,
        media_type=PROBLEM_MEDIA_TYPE,
        headers=dict(headers or {}),
    )


def _problem(status: HTTPStatus, slug: str, title: str, detail: str, **more: Any) -> ProblemAnswer:
    return ProblemAnswer(
        type=f"urn:session-keeper:problem:{slug}", title=title, status=status.value, detail=detail, **more
    )


def _violations(violations: tuple[Violation, ...]) -> list[ViolationAnswer]:
    return [ViolationAnswer(v.pointer, v.code, v.detail) for v in violations]


def invalid_json(_: Request[Any, Any, Any], error: InvalidJson) -> Response[bytes]:
    return problem_response(
        _problem(
            HTTPStatus.BAD_REQUEST,
            "invalid-json",
            "The body is not JSON that can be taken in",
            f"{len(error.violations)} violation(s), see violations",
            violations=_violations(error.violations),
        )
    )


def invalid_event(_: Request[Any, Any, Any], error: InvalidEvent) -> Response[bytes]:
    return problem_response(
        _problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid-event",
            "The event is not valid",
            f"{len(error.violations)} violation(s), see violations",
            violations=_violations(error.violations),
        )
    )


def context_too_large(_: Request[Any, Any, Any], error: ContextTooLarge) -> Response[bytes]:
    return problem_response(
        _problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "context-too-large",
            "The context is too large",
            str(error),
            byte_size=error.byte_size,
            limit=error.byte_size_max,
            largest=[VariableAnswer(v.name, v.byte_size) for v in error.largest],
            violations=[ViolationAnswer("/context", "too_large", str(error))],
        )
    )


def body_too_large(_: Request[Any, Any, Any], error: BodyTooLarge) -> Response[bytes]:
    return problem_response(
        _problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "body-too-large",
            "The body is too large",
            str(error),
            byte_size=error.byte_size,
            limit=error.byte_size_max,
            violations=[ViolationAnswer("", "too_large", str(error))],
        )
    )


def not_authorised(request: Request[Any, Any, Any], error: NotAuthorised) -> Response[bytes]:
    _log.warning("caller refused", extra={"method": request.method, "reason": str(error)})
    problem = _problem(HTTPStatus.UNAUTHORIZED, "unauthorised", "Not authorised", str(error))
    return problem_response(problem, {"www-authenticate": error.challenge})


def wrong_media_type(_: Request[Any, Any, Any], error: WrongMediaType) -> Response[bytes]:
    return problem_response(
        _problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Wrong media type", str(error))
    )


def session_not_found(_: Request[Any, Any, Any], __: SessionNotFound) -> Response[bytes]:
    return problem_response(
        _problem(
            HTTPStatus.NOT_FOUND,
            "session-not-found",
            "No such session",
            "The session is not known, or it has expired",
        )
    )


def unknown_cursor(_: Request[Any, Any, Any], __: UnknownCursor) -> Response[bytes]:
    status, detail = HTTPStatus.BAD_REQUEST, "after: not the `next` of an earlier page of this trail"
    wrong = [ViolationAnswer("/after", "wrong_parameter", detail)]
    return problem_response(_problem(status, "bad-request", status.phrase, detail, violations=wrong))


def store_unavailable(_: Request[Any, Any, Any], error: StoreUnavailable) -> Response[bytes]:
    _log.warning("store did not answer", extra={"reason": str(error)})
    return problem_response(
        _problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "store-unavailable",
            "The store did not answer",
            "Nothing was changed, or the outcome is unknown; sending it again is safe",
        ),
        {"retry-after": str(RETRY_SECONDS)},
    )


def http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What the framework itself refuses: unknown paths, methods, query parameters."""
    status = HTTPStatus(error.status_code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return unknown_error(request, error)
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    wrong = _wrong_parameters(error)
    detail = "; ".join(violation.detail for violation in wrong) or status.description or status.phrase
    slug = status.phrase.lower().replace(" ", "-")
    return problem_response(_problem(status, slug, status.phrase, detail, violations=wrong), headers)


def _wrong_parameters(error: HTTPException) -> list[ViolationAnswer]:
    """A query parameter has no JSON Pointer; its name stands for one."""
    if not isinstance(error, ValidationException) or not isinstance(error.extra, list):
        return []
    return [
        ViolationAnswer(f"/{part['key']}", "wrong_parameter", f"{part['key']}: {part['message']}")
        for part in error.extra
        if isinstance(part, dict) and "key" in part and "message" in part
    ]


def sender_gone(_: Request[Any, Any, Any], __: SenderGone) -> Response[bytes]:
    """Nobody reads it."""
    _log.info("the sender went away before its body had come")
    return problem_response(
        _problem(HTTPStatus.BAD_REQUEST, "incomplete-body", "Incomplete body", "The body did not come whole")
    )


def unknown_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    _log.error("a request failed for a reason of our own", exc_info=error, extra={"method": request.method})
    return problem_response(
        _problem(
            HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "Internal error", "The log of the service says more"
        )
    )


EXCEPTION_HANDLERS: dict[int | type[Exception], Any] = {
    InvalidJson: invalid_json,
    InvalidEvent: invalid_event,
    ContextTooLarge: context_too_large,
    BodyTooLarge: body_too_large,
    NotAuthorised: not_authorised,
    WrongMediaType: wrong_media_type,
    SessionNotFound: session_not_found,
    UnknownCursor: unknown_cursor,
    StoreUnavailable: store_unavailable,
    SenderGone: sender_gone,
    HTTPException: http_exception,
    Exception: unknown_error,
}


def response_to(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer to an error, as Litestar finds it: that of the nearest class in the table."""
    kind = next(kind for kind in type(error).__mro__ if kind in EXCEPTION_HANDLERS)
    response: Response[bytes] = EXCEPTION_HANDLERS[kind](request, error)
    return response
