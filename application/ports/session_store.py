"""The session store as a port: records, audit trails, and queries of what is due."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from application.ports.runtime import Clock
from domain.audit import AuditEntry
from domain.decisions.decision import Decide, Decision
from domain.ids import SessionId, SubjectId
from domain.session.state import SessionState
from domain.sync.state import SyncLane


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of a session's audit trail, oldest entry first.

    Attributes:
        next_after: the opaque cursor of the next page; None when nothing follows.
    """

    entries: tuple[AuditEntry, ...]
    next_after: str | None


EXPIRED_PARTS = 16
"""Into so many parts a store partitions its expired records, for replicas that evict at once."""

BACKLOG_COUNT_MAX = 10_000
"""A store counts no further, so that a scrape costs the same however far behind the sync is."""


@dataclass(frozen=True, slots=True)
class SyncBacklog:
    """How far delivery to Genesys is behind. Counts are exact up to `BACKLOG_COUNT_MAX`, which means
    "at least so many".

    Attributes:
        due: unexpired sessions whose newest state Genesys has not acknowledged, also those under a lease
            or in a back-off.
        oldest_waiting_since: the oldest change that is not delivered; neither leases nor back-off move it.
        failed: sessions whose sync failed for good.
    """

    due: int
    oldest_waiting_since: datetime | None
    failed: int


@dataclass(frozen=True, slots=True)
class FailedSyncs:
    """The sessions whose sync failed for good with one code; `oldest` is their oldest undelivered change."""

    code: str
    count: int
    oldest: datetime


class SessionStore(Protocol):
    """Stores sessions, one record each, and the audit trails of the decisions about them.

    A session is known by its id. All methods raise `StoreUnavailable` when the store does not answer in
    its time-out, and nothing else for any fault of the store or of the way to it. After a
    failed `update` either nothing was changed or all of it was.

    `update`, `read` and `audit_trail` never lag: they see every write that was acknowledged to any server
    process. All other queries may lag by seconds, in a store with eventually consistent indexes. Their
    results are hints, and `update` decides anew on the record: a session that is given too often or too
    early does no harm, and one that is missing is given the next time.

    Times are exact to the microsecond, also in the comparisons of queries; a store whose own type is
    coarser keeps integers.
    """

    @abstractmethod
    async def update(self, session_id: SessionId, decide: Decide) -> Decision:
        """Makes a decision about one session and writes it, in one atomic and durable step.

        `decide` is given the stored state, also when it has expired, or None when there is no record. It is
        pure and is called again when a concurrent update was faster. What it raises reaches this caller
        and no other; then nothing is written. When this returns, state and audit entries are on disk (if
        the store has one), and every later `read` in any server process sees them.

        Raises:
            SessionUnreadable: the record cannot be read, and `decide` is no `DecideAnyway`, which decides by
                the columns alone.
        """

    @abstractmethod
    async def read(self, session_id: SessionId, now: datetime) -> SessionState | None:
        """The state as it was last written; None when there is none or it has expired.

        Raises:
            SessionUnreadable: there is a record, and it cannot be read.
        """

    @abstractmethod
    async def audit_trail(self, session_id: SessionId, *, after: str | None, limit: int) -> AuditPage:
        """Entries in the order in which they were written; `after` None starts with the oldest.

        The trail outlives the session, until `forget_audit` or an erasure deletes it. Going from page to page
        gives every entry that is there at the end, and none twice: one whose write became visible late
        comes first on the next page, beyond its `limit`.

        Raises:
            UnknownCursor: `after` is not from an earlier page of this trail.
        """

    @abstractmethod
    async def due_for_sync(self, now: datetime, *, lane: SyncLane, limit: int) -> Sequence[SessionId]:
        """Unexpired sessions of one lane whose sync is due, those that have been due longest first.

        A session under a lease is not due until the lease has run out.
        """

    @abstractmethod
    async def expired(self, now: datetime, limit: int, *, part: int | None = None) -> Sequence[SessionId]:
        """Expired records, in any order; each of them is given sooner or later.

        Args:
            part: from 0 to `EXPIRED_PARTS` - 1: only the records of this part. A store partitions sessions as
                it likes, but evenly and the same for every server process, so that replicas which evict
                at once need not meet. None: the records of all parts.
        """

    @abstractmethod
    async def of_subject(
        self, subject_id: SubjectId, *, after: SessionId | None, limit: int
    ) -> Sequence[SessionId]:
        """Sessions of one subject, in the order of their ids.

        Those with a record, expired or not, readable or not; and those without one whose trail still names
        the subject (`AuditEntry.subject_id`), unless the session was recreated for another subject.
        """

    @abstractmethod
    async def forget_audit(self, before: datetime, limit: int) -> int:
        """Deletes at most `limit` audit entries older than `before`; returns their number.

        Less than `limit` means that there are no more: callers go on until then.
        """

    @abstractmethod
    async def forget_erased(self, limit: int) -> int:
        """Deletes at most `limit` of the entries that erasures have hidden; returns their number.

        A decision that `forgets_audit` hides a trail at once, however long it is: no reader is shown it.
        A store may delete the entries later, by this; one that deletes them at once has none here.
        """

    @abstractmethod
    async def audit_count(self) -> int | None:
        """The number of audit entries; a large one may be an estimate. None: too many to count.

        Includes those that `forget_erased` has still to delete.
        """

    @abstractmethod
    async def backlog(self, now: datetime) -> SyncBacklog:
        """How far delivery is behind; cheap enough for every few seconds, however many sessions there are."""

    @abstractmethod
    async def failed_by_code(self, now: datetime) -> Sequence[FailedSyncs]:
        """Unexpired sessions whose sync failed for good, by the code of the failure, in any order."""

    @abstractmethod
    async def failed_syncs(
        self, now: datetime, *, code: str | None, after: SessionId | None, limit: int
    ) -> Sequence[SessionId]:
        """Those sessions (with this code, if one is given) in the order of their ids, after `after`."""

    @abstractmethod
    async def clock_skew(self, clock: "Clock") -> timedelta | None:
        """How far the store's clock is ahead of ours; None when it has no clock of its own."""

    @abstractmethod
    async def ping(self) -> None:
        """Returns when the store answers and takes writes, as far as a cheap check shows.

        Raises when all writes of the last few seconds failed; when there were none, makes a small write of
        its own that no reader sees.
        """
