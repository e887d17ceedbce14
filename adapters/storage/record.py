"""How a session stands in a store: a few columns to find it by, its document, and a ledger.

The document is the canonical context. The ledger is compact JSON with everything else: the stamps of the
variables, tombstones, floor, lifecycle, and the state of the sync. The record is the same in every store.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from domain.context import EMPTY_DOCUMENT, name_text
from domain.errors import SessionKeeperError
from domain.identity import ClaimToken, PersistenceId, SessionId
from domain.instants import from_microseconds, to_microseconds
from domain.lifecycle import Lifecycle
from domain.packing import unpacked
from domain.session import Participant, SessionState
from domain.stamped_context import StampedContext, StampedVariable
from domain.stamps import Register, Stamp
from domain.sync import SyncFailure, SyncState, SyncStatus, UnsureCall

LEDGER_VERSION = 1
T = TypeVar("T")


class RecordUnreadable(SessionKeeperError):
    """A stored record cannot be read: it was damaged, or written by a newer version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """The columns of a session.

    Attributes:
        document: canonical context bytes (UTF-8 JSON).
        ledger: bookkeeping (UTF-8 JSON).
        sync_due_at: None when the session is not due for a sync.
        sync_waiting_since: since when Genesys has not acknowledged the newest state; None: it has.
        sync_lane: sorts live sessions before ended ones.
        sync_failure: the code of the refusal while the sync has failed for good, else None.
    """

    session_id: str
    revision: int
    persistence_id: str
    document: bytes
    ledger: bytes
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    subject_id: str | None
    sync_due_at: datetime | None
    sync_lane: str
    sync_failure: str | None
    sync_waiting_since: datetime | None

    @classmethod
    def of(cls, state: SessionState) -> "SessionRecord":
        failed = state.sync.status is SyncStatus.FAILED and state.sync.failure is not None
        return cls(
            session_id=state.session_id,
            revision=state.revision,
            persistence_id=state.persistence_id,
            document=state.context.document,
            ledger=_Writer().ledger(state),
            created_at=state.created_at,
            updated_at=state.updated_at,
            expires_at=state.expires_at,
            subject_id=state.subject_id.value,
            sync_due_at=state.sync.due_at,
            sync_lane=state.sync_lane.value,
            sync_failure=state.sync.failure.code if failed and state.sync.failure else None,
            sync_waiting_since=state.sync.waiting_since,
        )

    def state(self) -> SessionState:
        """The state that was written.

        Raises:
            RecordUnreadable: the ledger does not fit the document, or is of another version.
        """
        try:
            ledger = json.loads(self.ledger)
            if ledger["n"] != LEDGER_VERSION:
                raise RecordUnreadable(f"ledger version {ledger['n']} of session {self.session_id}")
            return _Reader(ledger).state(self)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise RecordUnreadable(f"the record of session {self.session_id} is damaged") from error


class _Writer:
    """Stamps are written once and referred to by place, since many variables share an event."""

    def __init__(self) -> None:
        self._places: dict[Stamp, int] = {}

    def ledger(self, state: SessionState) -> bytes:
        entries = sorted(state.context.entries.items())
        named = state.participant.value
        body = {
            "n": LEDGER_VERSION,
            "v": [
                [n, self._place(e.stamp), len(e.text), *([1] if e.packed else [])]
                for n, e in entries
                if e.text is not None
            ],
            "t": [[n, self._place(e.stamp)] for n, e in entries if e.text is None],
            "f": self._place(state.context.floor),
            "h": self._place(state.context.horizon),
            "a": None
            if state.lifecycle.last_activity is None
            else self._place(state.lifecycle.last_activity),
            "e": [self._place(end) for end in state.lifecycle.ends],
            "x": self._place(state.lifecycle.erased),
            "u": _optional(to_microseconds, state.lifecycle.erased_until),
            "ttl": self._register(state.ttl_seconds),
            "cid": self._register(state.conversation_id),
            "pid": [named and named.participant_id, self._place(state.participant.stamp)],
            "pcv": named and named.conversation_id,
            "sub": self._register(state.subject_id),
            "sync": _sync_to_json(state.sync),
        }
        body["s"] = [list(stamp) for stamp in self._places]
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()

    def _place(self, stamp: Stamp) -> int:
        return self._places.setdefault(stamp, len(self._places))

    def _register(self, register: Register[T]) -> list[object]:
        return [register.value, self._place(register.stamp)]


class _Reader:
    def __init__(self, ledger: Mapping[str, Any]) -> None:
        self._ledger = ledger
        self._stamps = [Stamp(microseconds, tie) for microseconds, tie in ledger["s"]]

    def state(self, record: SessionRecord) -> SessionState:
        ledger, stamps = self._ledger, self._stamps
        return SessionState(
            session_id=SessionId(record.session_id),
            revision=record.revision,
            persistence_id=PersistenceId(record.persistence_id),
            created_at=record.created_at,
            updated_at=record.updated_at,
            expires_at=record.expires_at,
            ttl_seconds=self._register("ttl"),
            context=StampedContext(
                entries=self._entries(record.document),
                floor=stamps[ledger["f"]],
                horizon=stamps[ledger["h"]],
            ),
            lifecycle=Lifecycle(
                last_activity=None if ledger["a"] is None else stamps[ledger["a"]],
                ends=tuple(stamps[place] for place in ledger["e"]),
                erased=stamps[ledger["x"]],
                erased_until=_optional(from_microseconds, ledger["u"]),
            ),
            conversation_id=self._register("cid"),
            participant=self._participant(),
            subject_id=self._register("sub"),
            sync=_sync_from_json(ledger["sync"]),
        )

    def _register(self, key: str) -> Register[Any]:
        value, place = self._ledger[key]
        return Register(value, self._stamps[place])

    def _participant(self) -> Register[Participant | None]:
        """In older records the pair is known only where one event named both, hence by its stamp."""
        named, conversation = self._register("pid"), self._register("cid")
        if named.value is None:
            return Register(None, named.stamp)
        of_same_event = conversation.value if conversation.stamp == named.stamp else None
        conversation_id = self._ledger.get("pcv", of_same_event)
        return Register(Participant(conversation_id, named.value), named.stamp)

    def _entries(self, document: bytes) -> dict[str, StampedVariable]:
        entries = {name: StampedVariable(None, self._stamps[place]) for name, place in self._ledger["t"]}
        for name, place, text, packed in _texts(document, self._ledger["v"]):
            if packed:
                unpacked(text)  # damage is found here, not when somebody reads the session
            entries[name] = StampedVariable(text, self._stamps[place], packed=packed)
        return entries


def _texts(document: bytes, spans: Iterable[list[Any]]) -> Iterable[tuple[str, int, bytes, bool]]:
    """The variables' texts, cut out of the canonical document by their lengths."""
    end = 0
    for name, place, length, *packed in spans:
        before = name_text(name) + b":"
        start = end + 1 + len(before)
        if document[end + 1 : start] != before:
            raise ValueError("the ledger does not fit the document")
        end = start + length
        yield name, place, document[start:end], bool(packed)
    if len(document) != (end + 1 if end else len(EMPTY_DOCUMENT)):
        raise ValueError("the ledger does not fit the document")


def _optional(convert: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else convert(value)


def _sync_to_json(sync: SyncState) -> list[object]:
    failure, unsure = sync.failure, sync.unsure
    return [
        sync.status.value,
        _optional(to_microseconds, sync.due_at),
        sync.attempts,
        sync.claim,
        sync.told_fingerprint,
        _optional(to_microseconds, sync.told_expires_at),
        _optional(to_microseconds, sync.last_synced),
        sync.participant,
        failure and [failure.code, failure.reason, failure.status, failure.context_id],
        _optional(to_microseconds, sync.waiting_since),
        sync.refused_fingerprint,
        unsure and [unsure.fingerprint, to_microseconds(unsure.since), to_microseconds(unsure.until)],
    ]


def _sync_from_json(sync: list[Any]) -> SyncState:
    status, due_at, attempts, claim, told, told_expires_at, last_synced, participant, failure, *rest = sync
    waiting_since, refused, unsure = rest
    return SyncState(
        status=SyncStatus(status),
        due_at=_optional(from_microseconds, due_at),
        attempts=attempts,
        claim=_optional(ClaimToken, claim),
        told_fingerprint=told,
        told_expires_at=_optional(from_microseconds, told_expires_at),
        last_synced=_optional(from_microseconds, last_synced),
        participant=_optional(tuple, participant),
        failure=failure
        and SyncFailure(code=failure[0], reason=failure[1], status=failure[2], context_id=failure[3]),
        waiting_since=_optional(from_microseconds, waiting_since),
        refused_fingerprint=refused,
        unsure=unsure
        and UnsureCall(
            fingerprint=unsure[0], since=from_microseconds(unsure[1]), until=from_microseconds(unsure[2])
        ),
    )
