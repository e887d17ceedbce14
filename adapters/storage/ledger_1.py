"""Version 1 of the ledger, which release 0.1 wrote: compact UTF-8 JSON. It is read, and never written.

The live variables stand in the ledger by name, with the place of their stamp and the length of their text
in the document. `tests/storage/records_0_1.json` holds samples.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from adapters.storage.ledger import Columns
from domain.context.compression import unpacked
from domain.context.lww_map import LwwMap, LwwVariable
from domain.context.variables import EMPTY_DOCUMENT, name_text
from domain.ids import ClaimToken
from domain.instants import from_microseconds
from domain.session.lifecycle import Lifecycle
from domain.session.state import Participant, SessionState
from domain.stamps import LwwRegister, Stamp
from domain.sync.state import CallInDoubt, SyncFailure, SyncState, SyncStatus

VERSION = 1
T = TypeVar("T")


def read(record: Columns) -> SessionState:
    """The state that was written.

    Raises:
        ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError: the ledger is
            damaged, or does not fit the document.
    """
    ledger = json.loads(record.ledger)
    if ledger["n"] != VERSION:
        raise ValueError(f"version {ledger['n']} is not written as JSON")
    return _Reader(ledger).state(record)


class _Reader:
    def __init__(self, ledger: Mapping[str, Any]) -> None:
        self._ledger = ledger
        self._stamps = [Stamp(microseconds, tie) for microseconds, tie in ledger["s"]]

    def state(self, record: Columns) -> SessionState:
        ledger, stamps = self._ledger, self._stamps
        return SessionState(
            session_id=record.session_id,
            revision=record.revision,
            persistence_id=record.persistence_id,
            created_at=record.created_at,
            updated_at=record.updated_at,
            expires_at=record.expires_at,
            ttl_seconds=self._register("ttl"),
            context=LwwMap(
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

    def _register(self, key: str) -> LwwRegister[Any]:
        value, place = self._ledger[key]
        return LwwRegister(value, self._stamps[place])

    def _participant(self) -> LwwRegister[Participant | None]:
        """The pair is known only where one event named both, hence by its stamp."""
        named, conversation = self._register("pid"), self._register("cid")
        if named.value is None:
            return LwwRegister(None, named.stamp)
        of_same_event = conversation.value if conversation.stamp == named.stamp else None
        return LwwRegister(Participant(of_same_event, named.value), named.stamp)

    def _entries(self, document: bytes) -> dict[str, LwwVariable]:
        entries = {name: LwwVariable(None, self._stamps[place]) for name, place in self._ledger["t"]}
        for name, place, text, packed in _texts(document, self._ledger["v"]):
            if packed:
                unpacked(text)  # damage is found here, not when somebody reads the session
            entries[name] = LwwVariable(text, self._stamps[place], packed=packed)
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


def _sync_from_json(sync: list[Any]) -> SyncState:
    status, due_at, attempts, claim, delivered, delivered_expires_at, last_synced, *rest = sync
    participant, failure, waiting_since, refused, in_doubt = rest
    return SyncState(
        status=SyncStatus(status),
        due_at=_optional(from_microseconds, due_at),
        attempts=attempts,
        claim=_optional(ClaimToken, claim),
        delivered_fingerprint=delivered,
        delivered_expires_at=_optional(from_microseconds, delivered_expires_at),
        last_synced=_optional(from_microseconds, last_synced),
        participant=_optional(tuple, participant),
        failure=failure
        and SyncFailure(code=failure[0], reason=failure[1], status=failure[2], context_id=failure[3]),
        waiting_since=_optional(from_microseconds, waiting_since),
        refused_fingerprint=refused,
        in_doubt=in_doubt
        and CallInDoubt(
            fingerprint=in_doubt[0],
            since=from_microseconds(in_doubt[1]),
            until=from_microseconds(in_doubt[2]),
        ),
    )
