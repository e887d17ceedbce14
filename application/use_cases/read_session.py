"""Giving back what is known of a session."""

from dataclasses import dataclass

from application.errors import SessionNotFound
from application.ports.runtime import Clock
from application.ports.session_store import AuditPage, SessionStore
from domain.ids import SessionId
from domain.session.state import SessionState


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSession:
    """The session as it is now."""

    session_id: SessionId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAuditTrail:
    """Up to `limit` entries, oldest first; `after` is the `next_after` of the page before."""

    session_id: SessionId
    after: str | None
    limit: int


class ReadSessionHandler:
    def __init__(self, *, store: SessionStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, query: ReadSession) -> SessionState:
        """Raises SessionNotFound when there is none, it has expired, or it never had a context."""
        now = self._clock.now()
        state = await self._store.read(query.session_id, now)
        if state is None or not state.served(now):
            raise SessionNotFound(query.session_id)
        return state


class ReadAuditTrailHandler:
    def __init__(self, *, store: SessionStore) -> None:
        self._store = store

    async def __call__(self, query: ReadAuditTrail) -> AuditPage:
        """Raises UnknownCursor and StoreUnavailable."""
        return await self._store.audit_trail(query.session_id, after=query.after, limit=query.limit)
