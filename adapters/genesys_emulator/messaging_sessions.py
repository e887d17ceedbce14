"""Messaging sessions with a context, as a widely copied tutorial describes them; Genesys has no such call."""

from typing import Any

import msgspec

from adapters.genesys_emulator.errors import ErrorDetail, GenesysError, not_found

CONTEXT_BYTES_MAX = 10_240
"""Bytes of the context as compact UTF-8 JSON: the tutorial's "approximately 10KB"."""


class MessagingSession(msgspec.Struct, kw_only=True, rename="camel"):
    """`version` counts the writes of this session, from 0 for one that was only addressed."""

    id: str
    context: dict[str, Any]
    version: int
    date_modified: str
    self_uri: str


class SessionBook:
    """The newest context of each session; a PATCH puts a new context in place of the old one."""

    def __init__(self, *, documents_max: int) -> None:
        self._sessions: dict[str, MessagingSession] = {}
        self._documents_max = documents_max

    def read(self, session_id: str, *, know_all: bool, now: str) -> MessagingSession:
        """Raises GenesysError 404 when it is unknown."""
        found = self._sessions.get(session_id)
        if found is not None:
            return found
        if not know_all:
            raise not_found("messagingSession", session_id)
        return self.create(session_id, {}, now=now)

    def create(self, session_id: str, context: dict[str, Any], *, now: str) -> MessagingSession:
        """Create a session that has seen no write; one of the same id is replaced."""
        self._sessions.pop(session_id, None)
        while len(self._sessions) >= self._documents_max:
            del self._sessions[next(iter(self._sessions))]
        session = MessagingSession(
            id=session_id,
            context=context,
            version=0,
            date_modified=now,
            self_uri=f"/api/v2/messaging/sessions/{session_id}",
        )
        self._sessions[session_id] = session
        return session

    def put_context(
        self, session_id: str, context: dict[str, Any], *, know_all: bool, now: str
    ) -> MessagingSession:
        """Store the context.

        Raises:
            GenesysError: 400, the context is over CONTEXT_BYTES_MAX; 404, the session is unknown.
        """
        byte_size = len(msgspec.json.encode(context))
        if byte_size > CONTEXT_BYTES_MAX:
            raise GenesysError(
                400,
                f"The context has {byte_size} bytes; at most {CONTEXT_BYTES_MAX} are allowed.",
                details=[ErrorDetail(error_code="context.too.large", field_name="context")],
            )
        session = self.read(session_id, know_all=know_all, now=now)
        session.context = context
        session.version += 1
        session.date_modified = now
        return session

    def all(self) -> dict[str, MessagingSession]:
        return self._sessions
