"""Reading a session, or its audit trail."""

from dataclasses import dataclass

from application.errors import SessionNotFound
from application.ports.runtime import Clock
from application.ports.session_store import AuditPage, SessionStore
from domain.ids import SessionId
from domain.session.state import SessionState


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSession:
    """Read the session as it is now."""

    session_id: SessionId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAuditTrail:
    """Read up to `limit` entries, oldest first; `after` is the `next_after` of the page before."""

    session_id: SessionId
    after: str | None
    limit: int


class ReadSessionHandler:
    def __init__(self, *, store: SessionStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, query: ReadSession) -> SessionState:
        """The session.

        Raises:
            SessionNotFound: there is none, it has expired, or it never had a context.
            SessionUnreadable, StoreUnavailable.
        """
        now = self._clock.now()
        state = await self._store.read(query.session_id, now)
        if state is None or not state.served(now):
            raise SessionNotFound(query.session_id)
        return state


class ReadAuditTrailHandler:
    def __init__(self, *, store: SessionStore) -> None:
        self._store = store

    async def __call__(self, query: ReadAuditTrail) -> AuditPage:
        """One page of the trail.

        Raises:
            UnknownCursor, StoreUnavailable.
        """
        return await self._store.audit_trail(query.session_id, after=query.after, limit=query.limit)
