"""Turns whatever a handler or Litestar raises into Genesys' error body."""

import logging
from collections.abc import Mapping
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from adapters.genesys_emulator.errors import ErrorDetail, GenesysError

_log = logging.getLogger(__name__)
_DETAIL_MAX = 200

AnyRequest = Request[Any, Any, Any]


def context_id(request: AnyRequest) -> str:
    """The correlation id that the gate gave this call; empty for calls that pass no gate."""
    return str(request.scope.get("state", {}).get("correlation_id", ""))


def answer_error(request: AnyRequest, error: GenesysError) -> Response[Any]:
    body = error.body(context_id(request))
    return Response(body, status_code=error.status, headers=error.headers, media_type="application/json")


def _answer_http_exception(request: AnyRequest, error: HTTPException) -> Response[Any]:
    # a status with a fixed meaning speaks Genesys' words; a 400 says what was wrong with the body
    message = error.detail[:_DETAIL_MAX] if error.status_code == 400 else None  # noqa: PLR2004 - see above
    answer = answer_error(request, GenesysError(error.status_code, message, details=_details(error.extra)))
    for name in ("allow", "Allow"):
        if name in (error.headers or {}):
            answer.headers["Allow"] = str((error.headers or {})[name])
    return answer


def _details(extra: object) -> list[ErrorDetail]:
    if not isinstance(extra, list):
        return []
    return [
        ErrorDetail(
            error_code=str(item.get("message", ""))[:_DETAIL_MAX],
            field_name=str(item["key"]) if "key" in item else None,
        )
        for item in extra
        if isinstance(item, Mapping)
    ]


def _answer_undecodable(request: AnyRequest, _error: Exception) -> Response[Any]:
    # msgspec raises these two past Litestar's own handling: bytes that are no UTF-8, nesting that is too deep
    return answer_error(request, GenesysError(400, "The request body is not valid JSON."))


def _answer_unknown(request: AnyRequest, error: Exception) -> Response[Any]:
    _log.error("the emulator failed", exc_info=error)
    return answer_error(request, GenesysError(500))


ERROR_ANSWERS: ExceptionHandlersMap = {
    GenesysError: answer_error,
    HTTPException: _answer_http_exception,
    UnicodeDecodeError: _answer_undecodable,
    RecursionError: _answer_undecodable,
    Exception: _answer_unknown,
}
