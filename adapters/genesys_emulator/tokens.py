"""The tokens that were issued, and when they end."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from adapters.genesys_emulator.rate_limit import RateWindow


@dataclass(slots=True, kw_only=True)
class Token:
    value: str
    client_id: str
    issued_at: float
    expires_at: float
    window: RateWindow = field(default_factory=RateWindow)


class TokenBook:
    """Every method takes the time in seconds; an expired token is as unknown as one never issued."""

    def __init__(self, *, tokens_max: int) -> None:
        self._tokens: dict[str, Token] = {}
        self._tokens_max = tokens_max

    def issue(self, client_id: str, now: float, *, seconds: float) -> Token:
        token = Token(
            value=secrets.token_urlsafe(64), client_id=client_id, issued_at=now, expires_at=now + seconds
        )
        if len(self._tokens) >= self._tokens_max:
            self._make_room(now)
        self._tokens[token.value] = token
        return token

    def find(self, value: str, now: float) -> Token | None:
        token = self._tokens.get(value)
        if token is not None and now >= token.expires_at:
            del self._tokens[value]
            return None
        return token

    def revoke(self, value: str) -> None:
        self._tokens.pop(value, None)

    def valid(self, now: float) -> Iterator[Token]:
        return (token for token in self._tokens.values() if now < token.expires_at)

    def _make_room(self, now: float) -> None:
        self._tokens = {token.value: token for token in self.valid(now)}
        while len(self._tokens) >= self._tokens_max:
            del self._tokens[next(iter(self._tokens))]
