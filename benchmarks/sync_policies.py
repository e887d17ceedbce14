"""The plain ways to write back: every update is a call of its own, tried again until it goes through."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Call = Callable[[str, int], Awaitable[int | None]]
"""Sends a version of a session; gives None, or after a 429 the seconds of its `Retry-After`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryEachUpdate:
    """Attributes:
    attempts_max: then the update is given up, silently.
    grows: the wait is that of Genesys times the attempt.
    jitter_seconds: a random wait on top, at most.
    """

    name: str
    attempts_max: int
    grows: bool = False
    jitter_seconds: float = 0.0

    async def tell(self, call: Call, session: str, version: int, dice: random.Random) -> bool:
        for attempt in range(1, self.attempts_max + 1):
            retry_seconds = await call(session, version)
            if retry_seconds is None:
                return True
            wait = retry_seconds * (attempt if self.grows else 1)
            await asyncio.sleep(wait + dice.random() * self.jitter_seconds)
        return False


POLICIES = (
    RetryEachUpdate(name="each update, 3 attempts", attempts_max=3, grows=True),
    RetryEachUpdate(name="each update, 50 attempts", attempts_max=50),
    RetryEachUpdate(name="same, 0-30 s jitter", attempts_max=50, jitter_seconds=30.0),
)
