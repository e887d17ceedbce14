"""Calls to Genesys Cloud: authorised, paced, bounded in time and size. No context value is ever logged."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

import httpx
import stamina

from adapters.genesys.bounded_http import (
    ACCEPT_ENCODING,
    AnswerTooLarge,
    BoundedTransport,
    NoCookies,
    one_answer,
    read_body,
)
from adapters.genesys.budget import GenesysBudget
from adapters.genesys.failures import (
    error_of_answer,
    error_of_login,
    error_of_network,
    error_of_page,
    failure_of,
    is_retryable_at_once,
    outcome_of,
)
from adapters.genesys.json_answers import UnreadableAnswer, decoded
from adapters.genesys.oauth import Credentials, TokenAnswer, TokenSource, no_credentials
from application.errors import GenesysMisconfigured, GenesysUnavailable
from application.ports.genesys import CallPermit, WindowReport
from application.ports.metrics import Metrics
from application.ports.runtime import Clock

RATE_DIGITS_MAX = 5
WAIT_SECONDS_UNSAID = 5.0
"""After a 429 that does not say how long to wait; Genesys' own client libraries begin with as much."""
T = TypeVar("T")
_log = logging.getLogger("session_keeper.genesys")


@dataclass(frozen=True, slots=True, kw_only=True)
class GenesysEndpoints:
    """Where Genesys is: `https://api.{environment}`, `https://login.{environment}`; no slash at the end."""

    api_url: str
    login_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """Attributes:
    call_seconds_max: for one call, from connecting to the last byte.
    attempts_max: calls for one delivery while the fault looks like a passing one.
    retry_wait_seconds_max: how long such a retry waits for the budget.
    connections_max: open at once.
    """

    call_seconds_max: float = 10.0
    attempts_max: int = 3
    retry_wait_seconds_max: float = 2.0
    connections_max: int = 8


class GenesysClient:
    def __init__(
        self,
        *,
        http: httpx.AsyncClient,
        endpoints: GenesysEndpoints,
        credentials: Credentials | None,
        budget: GenesysBudget,
        clock: Clock,
        metrics: Metrics,
        limits: CallLimits,
    ) -> None:
        self._http = http
        self._endpoints = endpoints
        self._credentials = credentials
        self._budget = budget
        self._clock = clock
        self._metrics = metrics
        self._limits = limits
        self._tokens = TokenSource(self._fetch_token)
        self._retry = stamina.AsyncRetryingCaller(
            attempts=limits.attempts_max, wait_initial=0.2, wait_jitter=0.2, wait_max=1.0, timeout=5.0
        ).on(is_retryable_at_once)

    async def call(
        self, method: str, path: str, body: bytes | None = None, *, permit: CallPermit | None = None
    ) -> bytes:
        """The body of the answer to one call of the API.

        Args:
            path: starts with `/api/v2`.
            body: JSON, or None.
            permit: for one call, the first that is made; without it, and for all others, the budget is asked.

        Raises:
            GenesysRefused, GenesysUnavailable, GenesysMisconfigured.
        """
        last: GenesysUnavailable | None = None

        async def attempt() -> bytes:
            nonlocal last
            try:
                async with self._permit_for_try(permit, last) as right:
                    return await self._authorised(method, path, body, right)
            except GenesysUnavailable as error:
                last = error
                raise

        return await self._retry(attempt)

    @asynccontextmanager
    async def _permit_for_try(
        self, first: CallPermit | None, last: GenesysUnavailable | None
    ) -> AsyncIterator[CallPermit]:
        """A retry that the budget has no call for is left to the next attempt at the session."""
        if first is not None and not first.spent:
            yield first
            return
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(None if last is None else self._limits.retry_wait_seconds_max):
                    permit = await held.enter_async_context(self._budget.permit())
            except TimeoutError:
                if last is None:
                    raise
                raise last from last.__cause__
            yield permit

    async def _authorised(self, method: str, path: str, body: bytes | None, permit: CallPermit) -> bytes:
        response, answer = await self._with_token(method, path, body, permit)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            async with self._budget.permit() as second:
                response, answer = await self._with_token(method, path, body, second)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            raise GenesysMisconfigured(failure_of(response, answer))
        if not response.is_success:
            error = error_of_answer(response, answer, self._clock.now())
            self._close_gate(error)
            raise error
        return answer

    def _close_gate(self, error: Exception) -> None:
        if not isinstance(error, GenesysUnavailable):
            return
        seconds = error.retry_seconds
        if seconds is None and error.failure.status == HTTPStatus.TOO_MANY_REQUESTS:
            seconds = WAIT_SECONDS_UNSAID
        if seconds is not None:
            _log.warning("Genesys asks to wait", extra={"seconds": seconds, "status": error.failure.status})
            self._budget.close(seconds)

    async def _with_token(
        self, method: str, path: str, body: bytes | None, permit: CallPermit
    ) -> tuple[httpx.Response, bytes]:
        """Spends the permit, unless there is no token to make the call with."""
        token = await self._tokens.token()
        headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/json"
        report, outcome, sent_at = None, "no_answer", asyncio.get_running_loop().time()
        permit.spend()
        try:
            response, answer = await self._exchange(method, self._endpoints.api_url + path, headers, body)
            report, outcome = _window_report(response), outcome_of(response.status_code)
        finally:
            permit.end(report)
            self._metrics.genesys_called(outcome, asyncio.get_running_loop().time() - sent_at)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            self._tokens.refused(token)
        return response, answer

    async def _fetch_token(self) -> TokenAnswer:
        if self._credentials is None:
            raise no_credentials()
        basic = httpx.BasicAuth(self._credentials.client_id, self._credentials.client_secret)
        response, answer = await self._exchange(
            "POST",
            self._endpoints.login_url + "/oauth/token",
            {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
            b"grant_type=client_credentials",
            auth=basic,
        )
        if not response.is_success:
            error = error_of_login(response, answer, self._clock.now())
            self._close_gate(error)
            raise error
        try:
            return decoded(answer, TokenAnswer)
        except UnreadableAnswer as error:
            raise error_of_network(error) from error

    async def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        auth: httpx.Auth | None = None,
    ) -> tuple[httpx.Response, bytes]:
        """One request and its whole answer, within one deadline: httpx' own time-outs are per step."""
        try:
            async with asyncio.timeout(self._limits.call_seconds_max):
                request = self._http.build_request(method, url, headers=headers, content=body)
                with one_answer() as allowance:
                    response = await self._http.send(request, auth=auth, stream=True)
                    try:
                        allowance.head_is_complete()
                        answer = await read_body(response)
                    finally:
                        await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, AnswerTooLarge) as error:
            raise error_of_network(error) from error
        if response.is_success and _is_page(response):
            raise error_of_page()
        return response, answer


def _window_report(response: httpx.Response) -> WindowReport | None:
    """All three rate headers, or None: numbers that no window of Genesys has would undo the budget."""
    names = ("count", "allowed", "reset")
    texts = [response.headers.get(f"inin-ratelimit-{name}", "") for name in names]
    if not all(text.isascii() and text.isdigit() and len(text) <= RATE_DIGITS_MAX for text in texts):
        return None
    count, allowed, reset = (int(text) for text in texts)
    return WindowReport(count=count, allowed=allowed, reset_seconds=float(reset))


@asynccontextmanager
async def open_http(
    endpoints: GenesysEndpoints, limits: CallLimits, proxy_url: str | None = None, *, version: str
) -> AsyncIterator[httpx.AsyncClient]:
    """One client for the process. No redirects: a token must not follow one. No cookies.

    Args:
        version: of this service; each call names both as its user agent.
    """
    https = any(url.startswith("https:") for url in (endpoints.api_url, endpoints.login_url))
    transport = BoundedTransport(
        limits=httpx.Limits(
            max_connections=limits.connections_max + 2,
            max_keepalive_connections=limits.connections_max,
            keepalive_expiry=20,
        ),
        trust_env=False,
        verify=await asyncio.to_thread(httpx.create_ssl_context) if https else False,
        proxy=None if proxy_url is None else httpx.Proxy(proxy_url),
    )
    async with httpx.AsyncClient(
        transport=transport,
        headers={"user-agent": f"session-keeper/{version}", "accept-encoding": ACCEPT_ENCODING},
        cookies=NoCookies(),
        timeout=httpx.Timeout(connect=3, read=limits.call_seconds_max, write=5, pool=5),
        trust_env=False,
        follow_redirects=False,
    ) as client:
        yield client


def _is_page(response: httpx.Response) -> bool:
    media_type = response.headers.get("content-type", "").partition(";")[0]
    return media_type.strip().lower() in ("text/html", "application/xhtml+xml")
