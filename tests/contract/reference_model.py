"""The judge of convergence: sort what happened by (occurredAt, fixed tie), and apply it naively."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from domain.context import canonical_json
from domain.events import OWN_VARIABLES, ContextMode, SessionEvent
from domain.identity import SessionId
from domain.lifecycle import SessionStatus
from domain.session import SessionState
from domain.stamps import BEFORE_ALL, Stamp
from tests.factories import end, event


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What a sender tells, in plain JSON values, so that the model shares no encoding with the domain."""

    seconds: float
    ends: bool = False
    merges: bool = False
    variables: dict[str, Any] | None = None

    def event(self, session_id: str = "s") -> SessionEvent:
        if self.ends:
            return end(seconds=self.seconds, session_id=SessionId(session_id))
        mode = ContextMode.MERGE if self.merges else ContextMode.REPLACE
        return event(
            self.variables, seconds=self.seconds, context_mode=mode, session_id=SessionId(session_id)
        )


@dataclass(frozen=True, slots=True)
class Expected:
    status: SessionStatus
    document: bytes


def expected(happenings: Iterable[Happening], *, erased: Stamp = BEFORE_ALL) -> Expected:
    status, context = SessionStatus.ERASED, dict[str, Any]()
    in_order = sorted(happenings, key=lambda happening: happening.event().stamp)
    for one in in_order:
        if one.event().stamp <= erased:
            continue
        if one.ends:
            status = SessionStatus.ENDED
            continue
        if status is SessionStatus.ENDED or (one.variables is not None and not one.merges):
            context = {}
        status = SessionStatus.PERSISTED
        context |= {name: value for name, value in (one.variables or {}).items() if name not in OWN_VARIABLES}
        if one.merges:
            context = {n: v for n, v in context.items() if v is not None or n not in (one.variables or {})}
    return Expected(status, canonical_json(context))


def seen(state: SessionState | None) -> Expected:
    """What a reader of this state would be shown of it."""
    if state is None:
        return Expected(SessionStatus.ERASED, b"{}")
    return Expected(state.status, state.context.document)
