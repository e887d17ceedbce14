"""Decisions about a session whose record cannot be read: it is damaged, or a newer version wrote it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from domain.decisions.decision import Decide, Decision
from domain.ids import PersistenceId, SessionId, SubjectId
from domain.session.state import SessionState


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableSession:
    """What the columns of the store say of a session whose record cannot be read.

    Attributes:
        undelivered: Genesys has not acknowledged the newest state.
        why: what is wrong with the record; never a context value.
    """

    session_id: SessionId
    revision: int
    persistence_id: PersistenceId
    expires_at: datetime
    subject_id: SubjectId | None
    undelivered: bool
    why: str

    def expired(self, now: datetime) -> bool:
        return self.expires_at <= now


@dataclass(frozen=True, slots=True)
class DecideAnyway:
    """A `Decide` that `SessionStore.update` also takes where the record cannot be read.

    Attributes:
        unreadable: decides in place of `readable` then; when it gives None, the record stays as it is.
    """

    readable: Decide
    unreadable: Callable[[UnreadableSession], Decision | None]

    def __call__(self, before: SessionState | None) -> Decision:
        return self.readable(before)
