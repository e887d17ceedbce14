"""Persisting one event of a session."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from application.errors import StoreUnavailable
from application.ports.metrics import Metrics
from application.ports.runtime import Clock, IdGenerator
from application.ports.session_store import SessionStore
from domain.context.pruning import NOTHING_PRUNED, Pruned
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Outcome, Policies
from domain.errors import ContextTooLarge, EventRefused
from domain.ids import SessionId
from domain.session.event import ReportedEvent
from domain.session.state import SessionState
from domain.sync.state import SyncStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PersistSession(ReportedEvent):
    """Apply this event to its session, and persist the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersistedSession:
    """How the event was applied, and the session after it.

    Attributes:
        pruned: what the overflow policy removed from the context.
        context_ignored: the event ended the session, and its context was ignored.
    """

    outcome: Outcome
    state: SessionState
    pruned: Pruned = NOTHING_PRUNED
    context_ignored: bool = False


class PersistSessionHandler:
    def __init__(
        self,
        *,
        store: SessionStore,
        clock: Clock,
        ids: IdGenerator,
        metrics: Metrics,
        policies: Policies,
        sync_soon: Callable[[SessionId], Awaitable[SessionState | None]],
    ) -> None:
        """`sync_soon` is called with a session that is due; it may give the state after a sync in time."""
        self._store = store
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._policies = policies
        self._sync_soon = sync_soon

    async def __call__(self, command: PersistSession) -> PersistedSession:
        """The session after the event, once it is durable.

        Raises:
            EventRefused: the event is invalid or too large; the audit trail has an entry about it.
            StoreUnavailable: the outcome is unknown; events are idempotent, so to send it again is safe.
        """
        started = self._clock.now()
        event = command.identified(self._ids.persistence_id())
        try:
            decision = await self._store.update(
                command.session_id, lambda before: decide_event(before, event, self._policies, started)
            )
        except StoreUnavailable:
            self._metrics.webhook_refused("store_unavailable", self._seconds_since(started))
            raise
        if decision.refusal is not None:
            self._metrics.webhook_refused(_reason(decision.refusal), self._seconds_since(started))
            raise decision.refusal
        state, outcome = decision.state, decision.outcome
        if state is None or outcome is None:
            raise AssertionError("a decision about an event that was not refused has a state and an outcome")
        if state.sync.status is SyncStatus.PENDING:
            state = await self._sync_soon(state.session_id) or state
        self._metrics.webhook_answered(outcome, self._seconds_since(started))
        return PersistedSession(
            outcome=outcome,
            state=state,
            pruned=decision.pruned,
            context_ignored=decision.context_ignored,
        )

    def _seconds_since(self, started: datetime) -> float:
        return (self._clock.now() - started).total_seconds()


def _reason(refusal: EventRefused) -> str:
    return "too_large" if isinstance(refusal, ContextTooLarge) else "invalid"
