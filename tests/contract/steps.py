"""What tests of stores do to a session."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import TypeVar

from application.errors import StoreUnavailable
from application.ports.session_store import SessionStore
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Decide, Decision, Policies
from domain.decisions.erase import decide_erasure
from domain.decisions.sync import decide_claim
from domain.ids import ClaimToken, SessionId
from domain.session.event import SessionEvent
from domain.sync.state import SyncLane
from tests.factories import at, persistence_id

POLICIES = Policies()
PATIENCE_SECONDS = 30
"""What no test takes unless something waits for ever, or one after the other what should wait together."""

Answer = TypeVar("Answer")
Spoil = Callable[[SessionStore, str], Awaitable[None]]
"""Makes the record of a session one that a newer version wrote."""
NEWER_LEDGER = bytes([99]) + b" of a release that is not there yet"
OpenStore = Callable[[], AbstractAsyncContextManager[SessionStore]]


def deciding(what: SessionEvent, seconds: float = 0) -> Decide:
    return lambda before: decide_event(before, what, POLICIES, at(seconds))


async def take(store: SessionStore, what: SessionEvent, seconds: float = 0) -> Decision:
    return await store.update(what.session_id, deciding(what, seconds))


def erasing(session_id: str, seconds: float) -> Decide:
    return lambda before: decide_erasure(
        before,
        session_id=SessionId(session_id),
        persistence_id=persistence_id(),
        policies=POLICIES,
        now=at(seconds),
    )


async def erase(store: SessionStore, session_id: str, seconds: float) -> Decision:
    return await store.update(SessionId(session_id), erasing(session_id, seconds))


async def claim(store: SessionStore, session_id: str, token: str, now: datetime) -> Decision:
    return await store.update(
        SessionId(session_id),
        lambda before: decide_claim(before, token=ClaimToken(token), policy=POLICIES.sync, now=now),
    )


async def due(store: SessionStore, now: datetime) -> list[SessionId]:
    """What is due in any lane, lane after lane."""
    return [
        session_id for lane in SyncLane for session_id in await store.due_for_sync(now, lane=lane, limit=10)
    ]


async def until_answered(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """As a sender does: what was answered with an error is asked again, until there is another answer.

    For stores that give up so soon that a busy machine may be too slow for them.
    """
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await ask()
            except StoreUnavailable:
                await asyncio.sleep(0.01)


async def variables(store: SessionStore, session_id: str = "s", seconds: float = 0) -> set[str]:
    """The names that a reader is shown."""
    read = await store.read(SessionId(session_id), at(seconds))
    return set() if read is None else set(read.context.texts)


async def ping_for_ever(store: SessionStore) -> None:
    """Raises what a ping raises; writes that went through a moment ago may outweigh it for a while."""
    while True:
        await store.ping()
        await asyncio.sleep(0.01)
