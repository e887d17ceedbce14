"""What a call meets before its handler: latency, faults, the token, the rate limit."""

import asyncio
import re
from email.utils import formatdate

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from adapters.genesys_emulator.connection import close_without_answer
from adapters.genesys_emulator.errors import GenesysError, too_many_requests
from adapters.genesys_emulator.faults import NETWORK_KINDS, STATUS_KINDS, FaultKind, FaultRule
from adapters.genesys_emulator.outgoing_answer import OutgoingAnswer
from adapters.genesys_emulator.permissions import check_right
from adapters.genesys_emulator.routes import UNKNOWN, route_name
from adapters.genesys_emulator.settings import RATE_LIMIT
from adapters.genesys_emulator.state import EmulatorState
from adapters.genesys_emulator.tokens import Token

_CLOSED = 0
_RETRY_SECONDS = 1
_SECONDS = re.compile(r"(?P<date>date\+)?(?P<seconds>[0-9]{1,9})", re.ASCII)


def _is_ours(path: str) -> bool:
    return path == "/" or path.startswith("/emulator/")


class Gate:
    """Stands around the whole application, so that unknown paths meet the same rules as known ones.

    In this order: faults of the network, latency, the token (401), the rate limit (429), faults that are
    answers, paths that are not emulated (404), rights (403), the handler. The login call has neither token
    nor rate limit: what Genesys does there is not published. `/` and `/emulator/...` pass untouched.
    """

    def __init__(self, app: ASGIApp, emulator: EmulatorState) -> None:
        self._app = app
        self._emulator = emulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or _is_ours(scope["path"]):
            await self._app(scope, receive, send)
            return
        answer = OutgoingAnswer(scope["method"], send)
        statistics = self._emulator.statistics  # a call that is still here at a reset is not of what follows
        fault = self._pick(NETWORK_KINDS, scope)
        kind = fault.kind if fault else None
        if kind is not FaultKind.AWAY and self._emulator.settings.latency_seconds:
            await asyncio.sleep(self._emulator.settings.latency_seconds)
        if kind is FaultKind.HANG and fault is not None:
            await asyncio.sleep(fault.hang_seconds)
        answer.silent = kind in {FaultKind.CLOSE, FaultKind.CLOSE_AFTER, FaultKind.AWAY}
        if kind not in {FaultKind.CLOSE, FaultKind.AWAY}:
            await self._carry_out(answer, scope, receive)
        if answer.silent:
            await self._close(answer, receive)
        statistics.note_call(scope["method"], route_name(scope["path"]), answer.status)

    async def _carry_out(self, answer: OutgoingAnswer, scope: HTTPScope, receive: Receive) -> None:
        scope.setdefault("state", {})["correlation_id"] = answer.correlation_id
        try:
            self._admit(answer, scope)
        except GenesysError as error:
            await answer.refuse(error)
        else:
            await self._app(scope, receive, answer.send)

    def _admit(self, answer: OutgoingAnswer, scope: HTTPScope) -> None:
        """Raises GenesysError for a call that is refused before its handler."""
        if scope["path"].startswith("/api/"):
            token = self._authenticate(scope)
            scope["state"]["token"] = token
            self._count(token, answer)
        if (fault := self._pick(STATUS_KINDS, scope)) is not None:
            raise self._fault_error(fault)
        route = route_name(scope["path"])
        if route == UNKNOWN:
            # the router would take the name of another resource for the id of a conversation
            raise GenesysError(404)
        check_right(scope["method"], route, self._emulator.settings.permissions)

    async def _close(self, answer: OutgoingAnswer, receive: Receive) -> None:
        if await close_without_answer(receive):
            answer.status = _CLOSED
            return
        answer.silent = False
        await answer.refuse(GenesysError(500, "This server cannot close a connection without an answer."))

    def _authenticate(self, scope: HTTPScope) -> Token:
        header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _, value = header.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not value:
            raise GenesysError(
                401,
                "No authentication bearer token specified in authorization header.",
                code="authentication.required",
            )
        token = self._emulator.tokens.find(value.strip(), self._emulator.clock())
        if token is None:
            raise GenesysError(401)
        return token

    def _count(self, token: Token, answer: OutgoingAnswer) -> None:
        settings = self._emulator.settings
        if not settings.rate_limit:
            return
        reading = token.window.count_call(
            self._emulator.clock(), limit=settings.rate_limit, window_seconds=settings.rate_window_seconds
        )
        answer.reading = reading
        if reading.refused:
            seconds = reading.reset_seconds
            raise too_many_requests(str(seconds), seconds=seconds, limit=reading.allowed)

    def _pick(self, kinds: frozenset[FaultKind], scope: HTTPScope) -> FaultRule | None:
        emulator = self._emulator
        fault = emulator.faults.pick(
            kinds, scope["method"], scope["path"], now=emulator.clock(), chance=emulator.random.random
        )
        if fault is not None:
            emulator.statistics.faults[fault.kind] += 1
        return fault

    def _fault_error(self, fault: FaultRule) -> GenesysError:
        kind, text, seconds = fault.kind, fault.retry_after, _RETRY_SECONDS
        if kind is FaultKind.TOO_MANY_REQUESTS and text is None:
            text = str(seconds)
        if (ahead := _SECONDS.fullmatch(text or "")) is not None:
            seconds = int(ahead["seconds"])
            if ahead["date"]:
                text = formatdate(self._emulator.clock() + seconds, usegmt=True)
        if kind is FaultKind.TOO_MANY_REQUESTS:
            limit = self._emulator.settings.rate_limit or RATE_LIMIT
            return too_many_requests(text or None, seconds=seconds, limit=limit)
        return GenesysError(int(kind), retry_after=text or None)
