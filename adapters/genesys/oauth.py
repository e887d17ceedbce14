"""The access token: client credentials, fetched once for all who wait, and anew before it expires.

Source: Genesys' OAuth client credentials grant (`POST {login}/oauth/token`, HTTP Basic); there is no
refresh token, and `expires_in` says how long it lasts.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from application.errors import GenesysMisconfigured
from domain.sync import SyncFailure

EARLY_SECONDS_MAX = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Credentials(client_id={self.client_id!r})"


class TokenAnswer(msgspec.Struct):
    access_token: str
    expires_in: float


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    good_until: float


class TokenSource:
    def __init__(self, fetch: Callable[[], Awaitable[TokenAnswer]]) -> None:
        """`fetch` makes the call and raises a GenesysError."""
        self._fetch = fetch
        self._token: _Token | None = None
        self._fetching = asyncio.Lock()

    async def token(self) -> str:
        """A token that is still good for a while."""
        token = self._good()
        if token is None:
            async with self._fetching:
                token = self._good() or await self._fetched()
        return token.text

    def refused(self, text: str) -> None:
        """Genesys did not accept this token; unless it was replaced meanwhile, the next one is new."""
        if self._token is not None and self._token.text == text:
            self._token = None

    def _good(self) -> _Token | None:
        now = asyncio.get_running_loop().time()
        return self._token if self._token is not None and now < self._token.good_until else None

    async def _fetched(self) -> _Token:
        answer = await self._fetch()
        early = min(EARLY_SECONDS_MAX, answer.expires_in * 0.1)
        good_until = asyncio.get_running_loop().time() + answer.expires_in - early
        self._token = _Token(answer.access_token, good_until)
        return self._token


def no_credentials() -> GenesysMisconfigured:
    return GenesysMisconfigured(
        SyncFailure(
            code="credentials.missing",
            reason="SESSION_KEEPER_GENESYS_CLIENT_ID and SESSION_KEEPER_GENESYS_CLIENT_SECRET are not set",
        )
    )
