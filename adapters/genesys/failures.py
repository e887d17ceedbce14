"""What an answer or a fault of the network means, in the application's words."""

import re
from datetime import datetime
from http import HTTPStatus
from typing import Any

import httpx
import msgspec

from adapters.genesys.json_answers import UnreadableAnswer, decoded
from adapters.genesys.plain_text import plain
from adapters.genesys.retry_after import moment_of, retry_after_seconds
from application.errors import GenesysError, GenesysMisconfigured, GenesysRefused, GenesysUnavailable
from domain.sync.state import SyncFailure

RETRYABLE_AT_ONCE = frozenset({502, 503, 504})
"""Passing faults, in Genesys' own words; a 500 is not one (resiliency patterns)."""


MISSING_RIGHTS = frozenset({"missing.permissions", "missing.any.permissions"})
"""Codes of a 403 that says which permissions our client lacks: no session is at fault."""
CODE_LENGTH_MAX = 100
REASON_LENGTH_MAX = 200
PERMISSIONS_LENGTH_MAX = 400
_PLACEHOLDER = re.compile(r"\{([A-Za-z0-9_]{1,64})\}")


class _ErrorBody(msgspec.Struct, rename="camel"):
    """Genesys' `ErrorBody` as far as it is used; what is no text is taken for absent.

    `message` and `message_params` may hold what was sent, so they are left alone except where they are
    about permissions.
    """

    code: Any = None
    context_id: Any = None
    message: Any = None
    message_with_params: Any = None
    message_params: Any = None


def failure_of(response: httpx.Response, body: bytes) -> SyncFailure:
    """Genesys' `code` and `contextId`, as far as the answer has them; what it says of missing permissions."""
    try:
        error = decoded(body, _ErrorBody)
    except UnreadableAnswer:
        error = _ErrorBody()
    status = response.status_code
    code = _text(error.code, CODE_LENGTH_MAX) or f"http.{status}"
    if is_about_rights(status, code):
        reason = _about_rights(error)
    else:
        reason = _text(error.message_with_params, REASON_LENGTH_MAX)
    context_id = _text(error.context_id, CODE_LENGTH_MAX)
    return SyncFailure(
        code=code,
        reason=reason or _phrase(status),
        status=status,
        context_id=context_id or _text(response.headers.get("inin-correlation-id"), CODE_LENGTH_MAX) or None,
    )


def is_about_rights(status: int | None, code: str) -> bool:
    """Whether our client lacks a permission for the call, whichever session it is about."""
    return status == HTTPStatus.FORBIDDEN and code in MISSING_RIGHTS


def _about_rights(error: _ErrorBody) -> str:
    """The template with its parameters filled in: names of permissions, nothing of a session."""
    text = error.message_with_params
    if not isinstance(text, str):
        return _text(error.message, PERMISSIONS_LENGTH_MAX)
    params = error.message_params if isinstance(error.message_params, dict) else {}

    def filling(placeholder: re.Match[str]) -> str:
        value = params.get(placeholder[1], placeholder[0])
        words = value if isinstance(value, list) else [value]
        return ", ".join(word[:PERMISSIONS_LENGTH_MAX] for word in words[:32] if isinstance(word, str))

    return plain(_PLACEHOLDER.sub(filling, text[:PERMISSIONS_LENGTH_MAX]), PERMISSIONS_LENGTH_MAX)


def _text(value: object, length_max: int) -> str:
    return plain(value, length_max) if isinstance(value, str) else ""


def error_of_answer(response: httpx.Response, body: bytes, now: datetime) -> GenesysError:
    """The error of an answer that is no success and no 401."""
    status = response.status_code
    failure = failure_of(response, body)
    answered_at = moment_of(response.headers.get("date")) or now
    retry_seconds = retry_after_seconds(response.headers.get("retry-after"), answered_at)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return GenesysUnavailable(failure, retry_seconds=retry_seconds, outage=False)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return GenesysUnavailable(failure, retry_seconds=retry_seconds)
    if is_about_rights(status, failure.code):
        return GenesysMisconfigured(failure)
    return GenesysRefused(failure)


def error_of_login(response: httpx.Response, body: bytes, now: datetime) -> GenesysError:
    """The error of a token request that failed: a refusal concerns every call there is."""
    error = error_of_answer(response, body, now)
    return GenesysMisconfigured(error.failure) if isinstance(error, GenesysRefused) else error


def error_of_network(error: Exception) -> GenesysUnavailable:
    """No answer, or none that is HTTP. The text of the error may hold a URL, its class does not."""
    code = "network." + type(error).__name__
    return GenesysUnavailable(SyncFailure(code=code, reason="no sensible answer"))


def error_of_page() -> GenesysUnavailable:
    """A page for a browser in place of an answer: a proxy or a portal spoke, and Genesys was not reached."""
    return GenesysUnavailable(SyncFailure(code="network.Page", reason="a web page in place of an answer"))


def is_retryable_at_once(error: Exception) -> bool:
    """Whether a second call right now has a fair chance."""
    if not isinstance(error, GenesysUnavailable) or error.retry_seconds is not None:
        return False
    return error.failure.status is None or error.failure.status in RETRYABLE_AT_ONCE


def outcome_of(status: int) -> str:
    """How a call ended, in few words: `2xx`, `429`."""
    return "429" if status == HTTPStatus.TOO_MANY_REQUESTS else f"{status // 100}xx"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "an unknown status"
