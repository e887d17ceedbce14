"""How a session stands in a store: a few columns to find it by, its document, and a ledger.

The document is the canonical context. The ledger holds everything else: the stamps of the variables,
tombstones, floor, lifecycle, and the state of the sync. The record is the same in every store.

**Versions.** While a deployment is renewed, processes of two releases share a store, and the older one must
read what the newer one writes. So a release reads ledger version N + 1 before any release writes it: READS
has it one release earlier than WRITES. READS never loses a version that is still in stores.

Within a version a field may be added behind the last one of a class, if it has a default and its loss does no
harm: releases that do not know it ignore it, and drop it when they write. Every other change takes a new
version.
"""

from datetime import datetime

from msgspec import Struct

from adapters.storage import ledger, ledger_1
from application.errors import SessionUnreadable
from domain.ids import PersistenceId, SessionId
from domain.session.state import SessionState
from domain.sync.state import SyncStatus

READS = (1, 2)
WRITES = 2

_DAMAGE = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
_JSON_OBJECT = ord("{")
"""What a ledger of version 1 begins with; the later ones begin with their version."""


class RecordUnreadable(SessionUnreadable):
    """A stored record cannot be read: it was damaged, or written by a newer release."""


class SessionRecord(Struct, frozen=True, kw_only=True):
    """The columns of a session.

    Attributes:
        document: canonical context bytes (UTF-8 JSON).
        ledger: bookkeeping, in one of the versions of READS.
        sync_due_at: None when the session is not due for a sync.
        sync_waiting_since: since when Genesys has not acknowledged the newest state; None: it has.
        sync_lane: sorts live sessions before ended ones.
        sync_failure: the code of the refusal while the sync has failed for good, else None.
    """

    session_id: SessionId
    revision: int
    persistence_id: PersistenceId
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
            ledger=ledger.written(state),
            created_at=state.created_at,
            updated_at=state.updated_at,
            expires_at=state.expires_at,
            subject_id=state.subject_id.value,
            sync_due_at=state.sync.due_at,
            sync_lane=state.sync_lane._value_,  # `value` is a property written in Python
            sync_failure=state.sync.failure.code if failed and state.sync.failure else None,
            sync_waiting_since=state.sync.waiting_since,
        )

    def state(self) -> SessionState:
        """The state that was written.

        Raises:
            RecordUnreadable: the ledger does not fit the document, or is of another version.
        """
        version = self.ledger[0] if self.ledger else None
        if version == ledger.VERSION:
            read = ledger.read
        elif version == _JSON_OBJECT:
            read = ledger_1.read
        else:
            raise RecordUnreadable(
                f"the record of session {self.session_id} has a ledger of version {version}; "
                f"this release reads versions {' and '.join(map(str, READS))}"
            )
        try:
            return read(self)
        except _DAMAGE as error:
            raise RecordUnreadable(f"the record of session {self.session_id} is damaged") from error
