"""Records as release 0.1 wrote them, to hold today's against: the service itself only reads them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from domain.instants import to_microseconds
from domain.session.state import SessionState
from domain.stamps import LwwRegister, Stamp
from domain.sync.state import SyncState, SyncStatus

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record1:
    """The columns as 0.1 had them."""

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

    @classmethod
    def of(cls, state: SessionState) -> "Record1":
        failed = state.sync.status is SyncStatus.FAILED and state.sync.failure is not None
        return cls(
            session_id=state.session_id,
            revision=state.revision,
            persistence_id=state.persistence_id,
            document=state.context.document,
            ledger=written(state),
            created_at=state.created_at,
            updated_at=state.updated_at,
            expires_at=state.expires_at,
            subject_id=state.subject_id.value,
            sync_due_at=state.sync.due_at,
            sync_lane=state.sync_lane.value,
            sync_failure=state.sync.failure.code if failed and state.sync.failure else None,
        )


def written(state: SessionState) -> bytes:
    """The ledger of a state; of a participant the id alone, as 0.1 had it."""
    return _Writer().ledger(state)


class _Writer:
    def __init__(self) -> None:
        self._places: dict[Stamp, int] = {}

    def ledger(self, state: SessionState) -> bytes:
        entries = sorted(state.context.entries.items())
        body = {
            "n": 1,
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
            "pid": [
                state.participant.value and state.participant.value.participant_id,
                self._place(state.participant.stamp),
            ],
            "sub": self._register(state.subject_id),
            "sync": _sync_to_json(state.sync),
        }
        body["s"] = [list(stamp) for stamp in self._places]
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()

    def _place(self, stamp: Stamp) -> int:
        return self._places.setdefault(stamp, len(self._places))

    def _register(self, register: LwwRegister[T]) -> list[object]:
        return [register.value, self._place(register.stamp)]


def _optional(convert: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else convert(value)


def _sync_to_json(sync: SyncState) -> list[object]:
    failure, in_doubt = sync.failure, sync.in_doubt
    return [
        sync.status.value,
        _optional(to_microseconds, sync.due_at),
        sync.attempts,
        sync.claim,
        sync.delivered_fingerprint,
        _optional(to_microseconds, sync.delivered_expires_at),
        _optional(to_microseconds, sync.last_synced),
        sync.participant,
        failure and [failure.code, failure.reason, failure.status, failure.context_id],
        _optional(to_microseconds, sync.waiting_since),
        sync.refused_fingerprint,
        in_doubt and [in_doubt.fingerprint, to_microseconds(in_doubt.since), to_microseconds(in_doubt.until)],
    ]
