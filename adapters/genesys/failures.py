"""What an answer or a fault of the network means, in the application's words."""

from datetime import datetime
from http import HTTPStatus

import httpx
import msgspec

from adapters.genesys.retry_after import moment_of, retry_after_seconds
from application.errors import GenesysError, GenesysMisconfigured, GenesysRefused, GenesysUnavailable
from domain.sync import SyncFailure

RETRYABLE_AT_ONCE = frozenset({502, 503, 504})
"""Passing faults, in Genesys' own words; a 500 is not one (resiliency patterns)."""


class _ErrorBody(msgspec.Struct, rename="camel"):
    """The parts of Genesys' `ErrorBody` that hold no value; `message` may hold one and is left alone."""

    code: str | None = None
    context_id: str | None = None
    message_with_params: str | None = None


class AnswerTooLarge(Exception):
    """An answer went over the bytes that are read of one."""


def failure_of(response: httpx.Response, body: bytes) -> SyncFailure:
    """Genesys' `code` and `contextId`, as far as the answer has them."""
    try:
        error = msgspec.json.decode(body, type=_ErrorBody)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        error = _ErrorBody()
    return SyncFailure(
        code=(error.code or f"http.{response.status_code}")[:100],
        reason=(error.message_with_params or _phrase(response.status_code))[:200],
        status=response.status_code,
        context_id=(error.context_id or response.headers.get("inin-correlation-id") or "")[:100] or None,
    )


def error_of_answer(response: httpx.Response, body: bytes, now: datetime) -> GenesysError:
    """The error of an answer that is no success and no 401."""
    status = response.status_code
    failure = failure_of(response, body)
    told_at = moment_of(response.headers.get("date")) or now
    retry_seconds = retry_after_seconds(response.headers.get("retry-after"), told_at)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return GenesysUnavailable(failure, retry_seconds=retry_seconds, outage=False)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return GenesysUnavailable(failure, retry_seconds=retry_seconds)
    return GenesysRefused(failure)


def error_of_login(response: httpx.Response, body: bytes, now: datetime) -> GenesysError:
    """The error of a token request that failed: a refusal concerns every call there is."""
    error = error_of_answer(response, body, now)
    return GenesysMisconfigured(error.failure) if isinstance(error, GenesysRefused) else error


def error_of_network(error: Exception) -> GenesysUnavailable:
    """No answer, or none that is HTTP. The text of the error may hold a URL, its class does not."""
    code = "network." + type(error).__name__
    return GenesysUnavailable(SyncFailure(code=code, reason="no sensible answer"))


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
