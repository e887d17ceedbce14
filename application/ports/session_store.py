"""Where sessions are kept."""

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
    """A part of a session's trail, oldest first.

    Attributes:
        next_after: what to ask the next page for, a text that only the store understands; None when
            nothing follows.
    """

    entries: tuple[AuditEntry, ...]
    next_after: str | None


EXPIRED_PARTS = 16


BACKLOG_COUNT_MAX = 10_000
"""A store counts no further, so that a scrape costs the same however far behind the sync is."""


@dataclass(frozen=True, slots=True)
class SyncBacklog:
    """How far the copies at Genesys are behind. Counts are exact up to `BACKLOG_COUNT_MAX`, which means
    "at least so many".

    Attributes:
        due: unexpired sessions whose newest state Genesys has not acknowledged: also those that are under
            a lease or in a back-off.
        oldest_waiting_since: since when the longest waiting of them has waited; neither leases nor
            back-off move it.
        failed: sessions whose sync failed for good.
    """

    due: int
    oldest_waiting_since: datetime | None
    failed: int


@dataclass(frozen=True, slots=True)
class FailedSyncs:
    """The sessions whose sync failed for good with one code; `oldest` is their oldest untold change."""

    code: str
    count: int
    oldest: datetime


class SessionStore(Protocol):
    """Where sessions are kept, one record each, with the trail of what was decided about them.

    A session is known by its id. All methods raise `StoreUnavailable` when the store does not answer in
    the time that it was given, and never anything else for what happens between here and there. After a
    failed `update` either nothing was changed or all of it was.

    `update`, `read` and `audit_trail` never lag: they know of everything that was acknowledged to any
    process. All other queries may, by seconds, in a store that brings its indexes up to date later. So
    what they give is a hint of where to look, and `update` decides anew on what is there: a session that
    is given too often or too early does no harm, and one that is missing comes the next time.

    Moments are kept to the microsecond, also those that queries compare; a store whose own moments are
    coarser keeps integers.
    """

    @abstractmethod
    async def update(self, session_id: SessionId, decide: Decide) -> Decision:
        """Makes a decision about one session and writes it, in one atomic and durable step.

        `decide` is given the state that is there, also when it has expired, or None when there is no
        record. It is pure and may be called again when somebody else was faster. What it raises reaches
        this caller and nobody else; then nothing is written. When this returns, state and audit entries
        are on disk (as far as the store has one) and every later `read` in any process sees them.

        Raises:
            SessionUnreadable: the record cannot be read, and `decide` is no `DecideAnyway`. One that is
                decides by what the columns say.
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

        The trail outlives the session, until `forget_audit` or an erasure takes it. Whoever goes from page
        to page is given every entry that was there at the end, and none twice: one whose write became
        visible late comes on the next page, before what follows and beyond its `limit`.

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
        """Records that have expired, in any order; one that expired long ago is never left out for ever.

        Args:
            part: from 0 to `EXPIRED_PARTS` - 1: only those of this part. A store deals its sessions out to
                the parts as it likes, but evenly and the same for every process, so that processes that
                evict at once need not all be given the same ones. None: those of all parts.
        """

    @abstractmethod
    async def of_subject(
        self, subject_id: SubjectId, *, after: SessionId | None, limit: int
    ) -> Sequence[SessionId]:
        """Sessions of one subject, in the order of their ids.

        Those with a record, expired or not, readable or not; and those whose record is gone but whose
        trail still says whose they were (`AuditEntry.subject_id`), unless the session began anew and is
        somebody else's.
        """

    @abstractmethod
    async def forget_audit(self, before: datetime, limit: int) -> int:
        """Deletes at most `limit` audit entries older than that; gives their number.

        It is called again while it gives `limit`, so it gives less only when it found no more.
        """

    @abstractmethod
    async def forget_erased(self, limit: int) -> int:
        """Deletes at most `limit` of the entries that erasures took away; gives their number.

        A decision that `forgets_audit` takes a trail away at once, however long it is: no reader is given it
        again. The entries themselves may go later, by this; a store that deleted them at once has none.
        """

    @abstractmethod
    async def audit_count(self) -> int | None:
        """How many audit entries are kept; a large number may be an estimate. None: too many to tell.

        Those that `forget_erased` has still to delete count.
        """

    @abstractmethod
    async def backlog(self, now: datetime) -> SyncBacklog:
        """Cheap enough to be asked every few seconds, however many sessions there are."""

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
        """Returns when the store answers and takes writes, as far as can be told at little cost.

        It raises when all writes of the last few seconds failed as a whole, and makes a small write of
        its own, one that no reader sees, when there were none.
        """
