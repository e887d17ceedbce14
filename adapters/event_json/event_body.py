"""The body of a webhook, field by field: every violation at once, then one command."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec

from adapters.event_json.canonical_texts import canonical_variables
from adapters.event_json.field_names import likely_name
from application.use_cases.persist_session import PersistSession
from domain.context.variables import ContextVariables
from domain.errors import InvalidEvent, Violation
from domain.ids import SessionId
from domain.instants import from_microseconds
from domain.json_pointer import child
from domain.session.event import ENDING_EVENT_TYPES, ContextMode
from domain.session.ttl_policy import TtlPolicy

FIELDS = (
    "sessionId",
    "eventType",
    "context",
    "contextMode",
    "occurredAt",
    "ttlSeconds",
    "conversationId",
    "participantId",
    "subjectId",
)
SESSION_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
SESSION_ID_FORM = "1 to 128 of A-Z a-z 0-9 . _ : - but not . or .."
DOT_SEGMENTS = frozenset({".", ".."})
"""A path with one of these leads elsewhere (RFC 3986 section 5.2.4), however it is quoted on the way."""
NAME_LENGTH_MAX = 128
ID_LENGTH_MAX = 256
SUBJECT_ID_LENGTH_MAX = 255
NAMES_SHOWN_MAX = 8
EVENT_TYPES_REMEMBERED_MAX = 256
_KNOWN = frozenset(FIELDS)
_MODES = {mode.value: mode for mode in ContextMode}
_SEPARATORS = re.compile(r"[/\\]")
_EARLIEST_YEAR = 1970


def session_id_of(text: object) -> SessionId | None:
    """The session id, if it can be one: it is a segment of a path, here and at Genesys."""
    if not isinstance(text, str) or text in DOT_SEGMENTS or not SESSION_ID.fullmatch(text):
        return None
    return SessionId(text)


def is_subject_id(text: object) -> bool:
    """Whether it is a text of 1 to 255 printable characters."""
    return isinstance(text, str) and 1 <= len(text) <= SUBJECT_ID_LENGTH_MAX and text.isprintable()


@dataclass(frozen=True, slots=True)
class Remarks:
    """What a sender should know about an event that was taken in all the same.

    Attributes:
        ignored_fields: names of fields that mean nothing to us, at most eight.
        hints: sentences on what was probably meant.
    """

    ignored_fields: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


_NO_REMARKS = Remarks()


def remarks_on(body: Any) -> Remarks:
    """The remarks on a body that `command_of` took."""
    ignored = _unknown_names(body)[:NAMES_SHOWN_MAX]
    event_type = body["eventType"]
    meant = _end_meant_by(event_type)
    if meant is None:
        return Remarks(ignored) if ignored else _NO_REMARKS
    hint = f"eventType {event_type!r} is activity and ends nothing; did you mean {meant}?"
    return Remarks(ignored, (hint,))


def _unknown_names(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The members of a body that are no fields of an event; hardly any body has some."""
    return () if _KNOWN.issuperset(body) else tuple(name for name in body if name not in _KNOWN)


@lru_cache(maxsize=EVENT_TYPES_REMEMBERED_MAX)
def _end_meant_by(event_type: str) -> str | None:
    """Event types are few, and each event has one."""
    if event_type in ENDING_EVENT_TYPES:
        return None
    return likely_name(event_type, sorted(ENDING_EVENT_TYPES))


def command_of(body: object, ttl: TtlPolicy) -> PersistSession:
    """The command in a decoded body.

    Raises:
        InvalidEvent: with every field that is missing or wrong.
    """
    if not isinstance(body, dict):
        raise InvalidEvent((Violation("", "wrong_type", "the body must be an object"),))
    fields = _Fields(body)
    session_id = fields.session_id()
    event_type = fields.event_type()
    context = fields.context()
    context_mode = fields.context_mode()
    occurred_at = fields.occurred_at()
    ttl_seconds = fields.ttl_seconds(ttl)
    conversation_id = fields.identifier("conversationId")
    participant_id = fields.identifier("participantId")
    subject_id = fields.subject_id()
    fields.refuse_misspelt()
    if fields.violations or session_id is None or event_type is None:
        raise InvalidEvent(tuple(fields.violations))
    return PersistSession(
        session_id=session_id,
        event_type=event_type,
        context=context,
        context_mode=context_mode,
        occurred_at=occurred_at,
        ttl_seconds=ttl_seconds,
        conversation_id=conversation_id,
        participant_id=participant_id,
        subject_id=subject_id,
    )


class _Fields:
    """An absent field and one that is null are the same."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body
        self.violations: list[Violation] = []

    def session_id(self) -> SessionId | None:
        value = self._required("sessionId")
        session_id = session_id_of(value)
        if value is not None and session_id is None:
            self._violate("sessionId", "wrong_form", f"must be {SESSION_ID_FORM}")
        return session_id

    def event_type(self) -> str | None:
        value = self._required("eventType")
        if value is None or (isinstance(value, str) and 1 <= len(value) <= NAME_LENGTH_MAX):
            return value
        self._violate("eventType", "wrong_form", f"must be a text of 1 to {NAME_LENGTH_MAX} characters")
        return None

    def context(self) -> ContextVariables | None:
        value = self._body.get("context")
        if value is None:
            return None
        if not isinstance(value, dict):
            self._violate("context", "wrong_type", "must be an object")
            return None
        try:
            return canonical_variables(value)
        except RecursionError:  # a depth that the settings allow and the stack does not
            self._violate("context", "too_deep", "is nested too deep")
            return None

    def context_mode(self) -> ContextMode:
        value = self._body.get("contextMode")
        if value is None:
            return ContextMode.REPLACE
        mode = _MODES.get(value) if isinstance(value, str) else None
        if mode is not None:
            return mode
        self._violate("contextMode", "wrong_value", "must be replace or merge")
        return ContextMode.REPLACE

    def occurred_at(self) -> datetime | None:
        value = self._body.get("occurredAt")
        if value is None:
            return None
        try:
            moment = _moment(value)
        except (ValueError, OverflowError, msgspec.ValidationError):
            moment = None
        if moment is None:
            detail = "must be RFC 3339 with an offset, or epoch milliseconds from 1970 to 9999"
            self._violate("occurredAt", "wrong_form", detail)
        return moment

    def ttl_seconds(self, ttl: TtlPolicy) -> int | None:
        value = self._body.get("ttlSeconds")
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            # 60.0 is an integer to JSON Schema, and to senders that know one kind of number
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and self._in_bounds(value, ttl):
            return value
        self.violations.append(ttl.violation())
        return None

    def identifier(self, name: str) -> str | None:
        """An id that becomes a segment of a path at Genesys."""
        value = self._body.get(name)
        if value is None or (
            isinstance(value, str)
            and 1 <= len(value) <= ID_LENGTH_MAX
            and value.isprintable()
            and ("." not in value or DOT_SEGMENTS.isdisjoint(_SEPARATORS.split(value)))
        ):
            return value
        detail = f"must be a text of 1 to {ID_LENGTH_MAX} printable characters without . or .. as a segment"
        self._violate(name, "wrong_form", detail)
        return None

    def subject_id(self) -> str | None:
        value = self._body.get("subjectId")
        if value is None or is_subject_id(value):
            return value
        self._violate(
            "subjectId", "wrong_form", f"must be a text of 1 to {SUBJECT_ID_LENGTH_MAX} printable characters"
        )
        return None

    def refuse_misspelt(self) -> None:
        """What is taken for another field would be passed over, and the event would mean something else."""
        unknown = _unknown_names(self._body)
        if not unknown:
            return
        meant = ((name, likely_name(name, FIELDS)) for name in unknown)
        for name, field in islice((pair for pair in meant if pair[1] is not None), NAMES_SHOWN_MAX):
            detail = f"{name} is no field; did you mean {field}?"
            self.violations.append(Violation(child("", name), "misspelt_field", detail))

    @staticmethod
    def _in_bounds(value: int, ttl: TtlPolicy) -> bool:
        return ttl.min_seconds <= value <= ttl.max_seconds

    def _required(self, name: str) -> Any:
        value = self._body.get(name)
        if value is None:
            self._violate(name, "missing", "must be given")
        return value

    def _violate(self, name: str, code: str, detail: str) -> None:
        self.violations.append(Violation(f"/{name}", code, f"{name} {detail}"))


def _moment(value: object) -> datetime | None:
    """Raises ValueError, OverflowError or ValidationError for what is no moment."""
    if isinstance(value, str):
        moment = msgspec.convert(value, datetime)
        if moment.tzinfo is None:
            return None
        moment = moment.astimezone(UTC)
        return None if moment.year < _EARLIEST_YEAR else moment
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return from_microseconds(round(value * 1000))
    return None
