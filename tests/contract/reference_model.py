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
    """A restart clears what is older than the end before it, and nothing that was set since.

    Args:
        keeps_at_end: an end is two things, a change of the context, and then the end.
    """
    status, context, since_end = SessionStatus.ERASED, dict[str, Any](), dict[str, Any]()
    for ends, one in _in_order([one for one in happenings if one.event().stamp > erased], keeps_at_end):
        if ends:
            status, since_end = SessionStatus.ENDED, {}
            continue
        if not one.ends:
            context = since_end if status is SessionStatus.ENDED else context
            status = SessionStatus.PERSISTED
        if one.variables is not None:
            context, since_end = _changed(context, one), _changed(since_end, one)
    return Expected(status, canonical_json(context))


def _changed(context: dict[str, Any], one: Happening) -> dict[str, Any]:
    variables = {name: value for name, value in (one.variables or {}).items() if name not in OWN_VARIABLES}
    if not one.merges:
        return variables
    merged = context | variables
    return {name: value for name, value in merged.items() if value is not None or name not in variables}


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
