"""The judge of convergence: sort what happened by (occurredAt, fixed tie), and apply it naively."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from domain.context.variables import canonical_json
from domain.ids import SessionId
from domain.session.event import OWN_VARIABLES, ContextMode, SessionEvent
from domain.session.lifecycle import SessionStatus
from domain.session.state import SessionState
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
        mode = ContextMode.MERGE if self.merges else ContextMode.REPLACE
        make = end if self.ends else event
        return make(
            context=self.variables,
            seconds=self.seconds,
            context_mode=mode,
            session_id=SessionId(session_id),
        )


@dataclass(frozen=True, slots=True)
class Expected:
    status: SessionStatus
    document: bytes


def expected(
    happenings: Iterable[Happening], *, erased: Stamp = BEFORE_ALL, keeps_at_end: bool = False
) -> Expected:
    """Args: keeps_at_end: an end is two things, a change of the context, and then the end."""
    status, context = SessionStatus.ERASED, dict[str, Any]()
    for ends, one in _in_order([one for one in happenings if one.event().stamp > erased], keeps_at_end):
        if ends:
            status = SessionStatus.ENDED
            continue
        if not one.ends:
            context = {} if status is SessionStatus.ENDED else context
            status = SessionStatus.PERSISTED
        if one.variables is None:
            continue
        if not one.merges:
            context = {}
        context |= {name: value for name, value in one.variables.items() if name not in OWN_VARIABLES}
        if one.merges:
            context = {n: v for n, v in context.items() if v is not None or n not in one.variables}
    return Expected(status, canonical_json(context))


def _in_order(happenings: list[Happening], keeps_at_end: bool) -> list[tuple[bool, Happening]]:  # noqa: FBT001
    """Each with whether it is the end that is meant, or the change of the context."""
    events = [(one.event(), one) for one in happenings]
    parts = [(event.stamp, True, one) for event, one in events if one.ends]
    parts += [(event.context_stamp, False, one) for event, one in events if not one.ends or keeps_at_end]
    return [(ends, one) for _, ends, one in sorted(parts, key=lambda part: part[:2])]


def seen(state: SessionState | None) -> Expected:
    """What a reader of this state would be shown of it."""
    if state is None:
        return Expected(SessionStatus.ERASED, b"{}")
    return Expected(state.status, state.context.document)
