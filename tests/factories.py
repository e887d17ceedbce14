"""Events, states and records for tests. Seeded, so that a failure comes again."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from polyfactory import Use
from polyfactory.factories import DataclassFactory

from domain.audit import AuditEntry
from domain.context.variables import ContextVariables
from domain.ids import PersistenceId, SessionId
from domain.session.event import ContextMode, SessionEvent

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)

_numbers = count(1)


def persistence_id() -> PersistenceId:
    return PersistenceId(f"00000000-0000-4000-8000-{next(_numbers):012}")


class AuditEntryFactory(DataclassFactory[AuditEntry]):
    __random_seed__ = 1
    time = Use(lambda: START)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def event(
    context: dict[str, Any] | None = None, *, seconds: float | None = None, **fields: Any
) -> SessionEvent:
    """An event of session `s`; `seconds` after START is when it occurred (None: at its arrival)."""
    values: dict[str, Any] = {
        "session_id": SessionId("s"),
        "event_type": "message",
        "persistence_id": persistence_id(),
        "context": None if context is None else ContextVariables.from_json(context),
        "occurred_at": None if seconds is None else at(seconds),
    }
    return SessionEvent(**{**values, **fields})


def merge(context: dict[str, Any], *, seconds: float | None = None, **fields: Any) -> SessionEvent:
    return event(context, seconds=seconds, context_mode=ContextMode.MERGE, **fields)


def end(*, seconds: float | None = None, **fields: Any) -> SessionEvent:
    return event(seconds=seconds, event_type="session-ended", **fields)
