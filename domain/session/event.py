"""Session events: what a sender reports, and what the names of events mean."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.context.variables import ContextVariables
from domain.ids import PersistenceId, SessionId
from domain.instants import to_microseconds, to_text
from domain.stamps import Stamp, tie_of

ENDING_EVENT_TYPES = frozenset({"session-ended", "session-expired"})

OWN_VARIABLES = frozenset(
    {"persistence", "sk_persistenceId", "sk_syncStatus", "sk_expiresAt", "sk_lastSynced"}
)
"""What this service itself writes to Genesys. It comes back when a flow echoes its context; taken for a
change of the context it would start a loop of updates."""

NULL_TEXT = b"null"


class ContextMode(StrEnum):
    """How an event's context is combined with the stored one."""

    REPLACE = "replace"
    MERGE = "merge"


class EndingContext(StrEnum):
    """What happens to the context that an ending event brings."""

    IGNORE = "ignore"
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedEvent:
    """One event of a session, as its sender reports it.

    Attributes:
        event_type: `session-ended` and `session-expired` end the session; any other name is activity.
        context: the variables that the event brings; None leaves the context as it is.
        occurred_at: when it happened; None: the time of arrival is taken.
        ttl_seconds: time to live, counted from the arrival; None keeps the session's.
    """

    session_id: SessionId
    event_type: str
    context: ContextVariables | None = None
    context_mode: ContextMode = ContextMode.REPLACE
    occurred_at: datetime | None = None
    ttl_seconds: int | None = None
    conversation_id: str | None = None
    participant_id: str | None = None
    subject_id: str | None = None

    def identified(self, persistence_id: PersistenceId) -> "SessionEvent":
        """The event with the id that the session gets if this event changes it."""
        return SessionEvent(
            persistence_id=persistence_id,
            session_id=self.session_id,
            event_type=self.event_type,
            context=self.context,
            context_mode=self.context_mode,
            occurred_at=self.occurred_at,
            ttl_seconds=self.ttl_seconds,
            conversation_id=self.conversation_id,
            participant_id=self.participant_id,
            subject_id=self.subject_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent(ReportedEvent):
    """A reported event with the id that it would give the session.

    Attributes:
        persistence_id: the id that the session gets if this event changes it.
    """

    persistence_id: PersistenceId

    @property
    def ends_session(self) -> bool:
        return self.event_type in ENDING_EVENT_TYPES

    def settled_time(self, now: datetime, future_seconds_max: int) -> tuple[datetime, str | None]:
        """When it happened, and a note for the audit trail if that had to be clamped.

        Args:
            future_seconds_max: how far ahead of `now` the time of an event may lie.
        """
        if self.occurred_at is None:
            return now, None
        latest = now + timedelta(seconds=future_seconds_max)
        if self.occurred_at <= latest:
            return self.occurred_at, None
        return latest, f"occurredAt {to_text(self.occurred_at)} clamped to {to_text(latest)}"

    def stamps(self, occurred_at: datetime) -> tuple[Stamp, Stamp]:
        """The place of the event, and that of its context, in the order of events.

        At one and the same time, what replaces comes before what merges, and an end comes last; the
        context has its place before the end that the event may bring.
        """
        rank = "0" if self.context_mode is ContextMode.REPLACE else "1"
        tie = self._tie()
        place = Stamp(to_microseconds(occurred_at), rank + tie)
        return (Stamp(place.microseconds, "2" + tie), place) if self.ends_session else (place, place)

    @property
    def stamp(self) -> Stamp:
        """The place of an event that says when it happened."""
        return self.stamps(self._reported_time())[0]

    @property
    def context_stamp(self) -> Stamp:
        """The place of its context."""
        return self.stamps(self._reported_time())[1]

    def _reported_time(self) -> datetime:
        if self.occurred_at is None:
            raise ValueError("an event has a stamp only once its time is settled")
        return self.occurred_at

    def _tie(self) -> str:
        said = {
            "ends": self.ends_session,
            "mode": self.context_mode.value,
            "context": None if self.context is None else self.context.document,
            "ttl": self.ttl_seconds,
            "conversation": self.conversation_id,
            "participant": self.participant_id,
            "subject": self.subject_id,
        }
        return tie_of(said)

    def context_changes(self) -> dict[str, bytes | None]:
        """The variables that the event sets, and with no text those that it removes."""
        if self.context is None:
            return {}
        texts = self.context.without(OWN_VARIABLES).texts
        if self.context_mode is ContextMode.REPLACE or NULL_TEXT not in texts.values():
            return dict(texts)
        return {name: None if text == NULL_TEXT else text for name, text in texts.items()}
