"""The access token: client credentials, fetched once for all who wait, and anew before it expires.

Source: Genesys' OAuth client credentials grant (`POST {login}/oauth/token`, HTTP Basic); there is no
refresh token, and `expires_in` says how long it lasts.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

import msgspec

from application.errors import GenesysMisconfigured
from domain.sync.state import SyncFailure

EARLY_SECONDS_MAX = 60.0
EARLY_FRACTION = 0.1
TOKEN_SECONDS_MAX = 172_800.0
"""The longest life that an OAuth client can be given in Genesys Cloud: 48 hours."""
TOKEN_LENGTH_MAX = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Credentials(client_id={self.client_id!r})"


class TokenAnswer(msgspec.Struct):
    """The token must fit into a header as it stands; `expires_in` is in seconds."""

    access_token: Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]+\Z", max_length=TOKEN_LENGTH_MAX)]
    expires_in: Annotated[float, msgspec.Meta(gt=0)]

    def __repr__(self) -> str:
        return f"TokenAnswer(expires_in={self.expires_in})"


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    good_until: float

    def __repr__(self) -> str:
        return f"_Token(good_until={self.good_until})"


class TokenSource:
    def __init__(self, fetch: Callable[[], Awaitable[TokenAnswer]]) -> None:
        """`fetch` makes the call and raises a GenesysError."""
        self._fetch = fetch
        self._token: _Token | None = None
        self._fetching: asyncio.Task[_Token] | None = None

    async def token(self) -> str:
        """A token that is still good for a while; a failure is that of all who waited for it."""
        token = self._good()
        if token is None:
            if self._fetching is None:
                self._fetching = asyncio.create_task(self._fetched())
                self._fetching.add_done_callback(self._end_fetching)
            token = await asyncio.shield(self._fetching)
        return token.text

    def refused(self, text: str) -> None:
        """Genesys did not accept this token; unless it was replaced meanwhile, the next one is new."""
        if self._token is not None and self._token.text == text:
            self._token = None

    def _good(self) -> _Token | None:
        now = asyncio.get_running_loop().time()
        return self._token if self._token is not None and now < self._token.good_until else None

    async def _fetched(self) -> _Token:
        asked_at = asyncio.get_running_loop().time()
        answer = await self._fetch()
        seconds = min(answer.expires_in, TOKEN_SECONDS_MAX)
        early = min(EARLY_SECONDS_MAX, seconds * EARLY_FRACTION)
        self._token = _Token(answer.access_token, asked_at + seconds - early)
        return self._token

    def _end_fetching(self, task: "asyncio.Task[_Token]") -> None:
        self._fetching = None
        if not task.cancelled():
            task.exception()  # those who waited may all be gone, and then nobody asks for it


def no_credentials() -> GenesysMisconfigured:
    return GenesysMisconfigured(
        SyncFailure(
            code="credentials.missing",
            reason="SESSION_KEEPER_GENESYS_CLIENT_ID and SESSION_KEEPER_GENESYS_CLIENT_SECRET are not set",
        )
    )
