"""Version 2 of the ledger: all that a session's columns and its document do not say.

One byte with the version; a body, which is a MessagePack array whose members stand in the order of the
classes below; and four bytes with the CRC-32 of the document and of all that precedes. Moments are
MessagePack timestamps, exact to the microsecond. The checksum reveals damage of ledger or document, and that
the two do not belong together; so nothing else looks for it.
"""

from dataclasses import replace
from datetime import datetime
from typing import Protocol
from zlib import crc32

from msgspec import MsgspecError, Raw, Struct, msgpack
from msgspec.structs import asdict

from adapters.storage.quick import quick, quick_copy
from adapters.storage.stored_variables import Place, StoredVariables, kept
from domain.context.lww_map import LwwMap
from domain.ids import ClaimToken, PersistenceId, SessionId
from domain.session.lifecycle import Lifecycle
from domain.session.state import Participant, SessionState
from domain.stamps import BEFORE_ALL, LwwRegister, Stamp
from domain.sync.state import CallInDoubt, SyncFailure, SyncState, SyncStatus

VERSION = 2
_VERSION = bytes([VERSION])
_CRC_OF_ALL_AND_ITS_CRC = 0x2144DF1C
"""What CRC-32 gives for any bytes that end with their own CRC-32, lowest byte first."""


class _Failure(Struct, array_like=True, gc=False):
    code: str
    reason: str
    status: int | None
    context_id: str | None


class _InDoubt(Struct, array_like=True, gc=False):
    fingerprint: str
    since: datetime
    until: datetime


class _Sync(Struct, array_like=True, gc=False):
    status: SyncStatus
    due_at: datetime | None
    waiting_since: datetime | None
    attempts: int
    claim: ClaimToken | None
    delivered_fingerprint: str | None
    delivered_expires_at: datetime | None
    last_synced: datetime | None
    participant: tuple[str, str] | None
    failure: _Failure | None
    refused_fingerprint: str | None
    in_doubt: _InDoubt | None


class _Body(Struct, array_like=True, gc=False):
    """All but the version and the checksum.

    Attributes:
        variables: as `stored_variables` has them, with stamps of their own.
        stamps: each once. They are referred to by place, counted from 1; place 0 is the one before all.
        …_by: the place of the event that a value is of.
    """

    variables: Raw
    stamps: list[Stamp]
    floor: Place
    horizon: Place
    last_activity: Place | None
    ends: list[Place]
    erased: Place
    erased_until: datetime | None
    ttl_seconds: int
    ttl_seconds_by: Place
    conversation_id: str | None
    conversation_id_by: Place
    participant: tuple[str | None, str] | None
    participant_by: Place
    subject_id: str | None
    subject_id_by: Place
    sync: _Sync


class Columns(Protocol):
    """What the ledger leaves to the columns of a record."""

    @property
    def session_id(self) -> SessionId: ...
    @property
    def revision(self) -> int: ...
    @property
    def persistence_id(self) -> PersistenceId: ...
    @property
    def document(self) -> bytes: ...
    @property
    def ledger(self) -> bytes: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def updated_at(self) -> datetime: ...
    @property
    def expires_at(self) -> datetime: ...


_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(_Body).decode

_state = quick(SessionState)
_context = quick(LwwMap)
_lifecycle = quick(Lifecycle)
_register = quick(LwwRegister)
_sync = quick_copy(SyncState)


def written(state: SessionState) -> bytes:
    """The ledger of a state whose document is stored beside it."""
    context, lifecycle = state.context, state.lifecycle
    places = {BEFORE_ALL: 0}
    place = places.setdefault
    named = state.participant.value
    # In the order of `_Body`: a tuple is cheaper to make than an instance of it.
    rest = (
        place(context.floor, len(places)),
        place(context.horizon, len(places)),
        None if lifecycle.last_activity is None else place(lifecycle.last_activity, len(places)),
        [place(end, len(places)) for end in lifecycle.ends],
        place(lifecycle.erased, len(places)),
        lifecycle.erased_until,
        state.ttl_seconds.value,
        place(state.ttl_seconds.stamp, len(places)),
        state.conversation_id.value,
        place(state.conversation_id.stamp, len(places)),
        None if named is None else (named.conversation_id, named.participant_id),
        place(state.participant.stamp, len(places)),
        state.subject_id.value,
        place(state.subject_id.stamp, len(places)),
        _sync_written(state.sync),
    )
    del places[BEFORE_ALL]
    plain = _VERSION + _encode((kept(context.entries), list(places), *rest))
    return plain + crc32(plain, crc32(context.document)).to_bytes(4, "little")


def read(record: Columns) -> SessionState:
    """The state that was written.

    Raises:
        ValueError, LookupError: record or document are damaged, or do not belong together.
    """
    document = record.document
    if crc32(record.ledger, crc32(document)) != _CRC_OF_ALL_AND_ITS_CRC:
        raise ValueError("the checksum of ledger and document is wrong")
    try:
        body = _decode(record.ledger[1:-4])
    except MsgspecError as error:
        raise ValueError("the ledger is not what its checksum says") from error
    stamps = [BEFORE_ALL, *body.stamps]
    last_activity, named = body.last_activity, body.participant
    variables = StoredVariables(body.variables, document)
    context = _context(entries=variables, floor=stamps[body.floor], horizon=stamps[body.horizon])
    # The cached properties, as they would be made. An event that replaces all then looks at no variable.
    vars(context)["document"] = document
    vars(context)["newest"] = variables.newest
    if not variables.any_packed:
        vars(context)["packed"] = frozenset()
    return _state(
        session_id=record.session_id,
        revision=record.revision,
        persistence_id=record.persistence_id,
        created_at=record.created_at,
        updated_at=record.updated_at,
        expires_at=record.expires_at,
        ttl_seconds=_register(body.ttl_seconds, stamps[body.ttl_seconds_by]),
        context=context,
        lifecycle=_lifecycle(
            last_activity=None if last_activity is None else stamps[last_activity],
            ends=tuple([stamps[place] for place in body.ends]) if body.ends else (),
            erased=stamps[body.erased],
            erased_until=body.erased_until,
        ),
        conversation_id=_register(body.conversation_id, stamps[body.conversation_id_by]),
        participant=_register(None if named is None else Participant(*named), stamps[body.participant_by]),
        subject_id=_register(body.subject_id, stamps[body.subject_id_by]),
        sync=_sync_read(body.sync),
    )


def _sync_written(sync: SyncState) -> tuple[object, ...]:
    """In the order of `_Sync`."""
    failure, in_doubt = sync.failure, sync.in_doubt
    return (
        sync.status,
        sync.due_at,
        sync.waiting_since,
        sync.attempts,
        sync.claim,
        sync.delivered_fingerprint,
        sync.delivered_expires_at,
        sync.last_synced,
        sync.participant,
        failure and (failure.code, failure.reason, failure.status, failure.context_id),
        sync.refused_fingerprint,
        in_doubt and (in_doubt.fingerprint, in_doubt.since, in_doubt.until),
    )


def _sync_read(kept: _Sync) -> SyncState:
    sync, failure, in_doubt = _sync(kept), kept.failure, kept.in_doubt
    if failure is None and in_doubt is None:
        return sync
    return replace(
        sync,
        failure=None if failure is None else SyncFailure(**asdict(failure)),
        in_doubt=None if in_doubt is None else CallInDoubt(**asdict(in_doubt)),
    )
