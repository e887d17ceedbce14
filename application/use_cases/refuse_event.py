"""Recording an event that was refused for its form, before a decision."""

from dataclasses import dataclass

from application.ports.metrics import Metrics
from application.ports.runtime import Clock
from application.ports.session_store import SessionStore
from domain.decisions.decision import Decision
from domain.decisions.entries import refusal_entry
from domain.errors import EventRefused
from domain.ids import SessionId
from domain.session.state import SessionState


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseEvent:
    """Record that an event was refused for its form; `session_id` is None when it was not valid either."""

    session_id: SessionId | None
    refusal: EventRefused


class RefuseEventHandler:
    def __init__(self, *, store: SessionStore, clock: Clock, metrics: Metrics) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics

    async def __call__(self, command: RefuseEvent) -> None:
        """Counts the refusal, and writes its reason to the session's audit trail for operators."""
        self._metrics.webhook_refused("invalid", 0.0)
        if command.session_id is None:
            return
        session_id, now = command.session_id, self._clock.now()

        def decide(before: SessionState | None) -> Decision:
            entry = refusal_entry(before, session_id, command.refusal, now)
            return Decision(state=before, audit=(entry,))

        await self._store.update(session_id, decide)
