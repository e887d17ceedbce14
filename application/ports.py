"""What the application wants of the outside world. Adapters inherit these by name."""

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.audit import AuditEntry
from domain.decisions.decision import Decide, Decision, Outcome
from domain.errors import Violation
from domain.ids import ClaimToken, PersistenceId, SessionId, SubjectId
from domain.session.state import SessionState
from domain.sync.session_copy import SessionCopy
from domain.sync.state import SyncLane, SyncReceipt


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


@dataclass(frozen=True, slots=True, kw_only=True)
class GenesysAccess:
    """What Genesys says of the client whose credentials we have; they were accepted.

    Attributes:
        organization: its name; None when Genesys did not tell it.
        missing: permissions that the target needs and the client lacks, as `domain:entity:action`; one
            entry may name several, of which one is enough.
        unchecked: why the permissions could not be looked up; None: they were.
    """

    organization: str | None = None
    missing: tuple[str, ...] = ()
    unchecked: str | None = None

    @property
    def sufficient(self) -> bool:
        """Whether no permission is known to be missing."""
        return not self.missing

    def __str__(self) -> str:
        facts = ["the token is accepted" + (f" by {self.organization}" if self.organization else "")]
        if self.missing:
            facts.append("its client lacks the permission " + ", and ".join(self.missing))
        if self.unchecked is not None:
            facts.append(f"its permissions could not be checked ({self.unchecked})")
        return "; ".join(facts)


class GenesysGateway(Protocol):
    """Genesys Cloud, as far as this service speaks to it."""

    @abstractmethod
    async def write_back(self, copy: SessionCopy, permit: "CallPermit") -> SyncReceipt:
        """Tells Genesys the state of a session.

        Telling the same twice does no harm. `permit` is for the first call; for what more is needed (a
        look-up, a short retry) the gateway asks the budget itself. It ends within its time-out.

        Raises:
            GenesysRefused, GenesysUnavailable, GenesysMisconfigured.
        """

    @abstractmethod
    async def check_access(self) -> GenesysAccess:
        """Who we are to Genesys, and whether we may make the calls of the target.

        It asks the budget for its calls itself. That the permissions cannot be looked up is no error.

        Raises:
            GenesysRefused, GenesysUnavailable, GenesysMisconfigured: the token is not accepted.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetFigures:
    """The budget of calls as it stands.

    Attributes:
        allowed: calls in one rate window of Genesys.
        left: calls of this window that may still be made.
        in_flight: permits that were given and have neither ended nor been given back.
        closed_seconds: for how long Genesys' `Retry-After` still keeps everybody from calling.
    """

    allowed: int
    left: int
    in_flight: int
    closed_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowReport:
    """What the answer to a call says of Genesys' rate window, from its three rate headers.

    Attributes:
        count: calls that Genesys has counted in the window, whoever made them.
        allowed: calls that it allows in one.
        reset_seconds: when the window ends, from the answer on.
    """

    count: int
    allowed: int
    reset_seconds: float


class CallPermit(Protocol):
    """The right to make one call of Genesys, from `CallBudget.permit`. It is good for one call alone."""

    @property
    @abstractmethod
    def spent(self) -> bool:
        """Whether a call was made with it."""

    @abstractmethod
    def spend(self) -> None:
        """The call is made now, and spent however it ends.

        Raises:
            RuntimeError: it was spent before, or its `async with` is over.
        """

    @abstractmethod
    def end(self, report: WindowReport | None = None) -> None:
        """The call has ended; without this it ends with the `async with`. Only the first end counts."""


class CallBudget(Protocol):
    """The calls that Genesys allows; shared by everything in this process that calls it."""

    @abstractmethod
    def permit(self) -> AbstractAsyncContextManager[CallPermit]:
        """Waits until a call may be made, first come, first served, and holds the right to make it.

        At the end of the `async with` a call that was not made is given back.
        """

    @abstractmethod
    def wait_seconds(self, ahead: int = 0) -> float:
        """How long one who asks for a permit now is likely to wait, those who wait already included.

        An estimate: what others do with the same token, and what Genesys answers, may make it longer.

        Args:
            ahead: how many are to be served first, if that is more than wait already.
        """

    @abstractmethod
    def figures(self) -> BudgetFigures:
        """As far as is known now; may be asked from any thread, also before the first call."""


class ContextSchema(Protocol):
    """The shape that a deployment wants of a context."""

    @abstractmethod
    def violations(self, document: bytes) -> tuple[Violation, ...]:
        """What is wrong with a context document (canonical bytes); pointers start with `/context`."""


class Clock(Protocol):
    """The time."""

    @abstractmethod
    def now(self) -> datetime:
        """Aware, in UTC."""


class IdGenerator(Protocol):
    """Names that nobody else gives."""

    @abstractmethod
    def persistence_id(self) -> PersistenceId:
        """A UUID, 36 characters."""

    @abstractmethod
    def claim_token(self) -> ClaimToken:
        """Unguessable by chance: random, never a host name or a process number."""

    @abstractmethod
    def jitter(self) -> float:
        """A random number from 0 up to 1."""


class Metrics(Protocol):
    """Numbers for those who watch. Labels are few and known beforehand; never an id or a value."""

    @abstractmethod
    def webhook_answered(self, outcome: Outcome, seconds: float) -> None: ...

    @abstractmethod
    def webhook_refused(self, reason: str, seconds: float) -> None:
        """`reason` is a short class name: `invalid`, `too_large`, `store_unavailable`."""

    @abstractmethod
    def sync_finished(self, outcome: str, seconds: float | None = None) -> None:
        """`outcome` is told, refused, postponed, misconfigured or lease_lost.

        `seconds` is the lag from the change to the acknowledgement.
        """

    @abstractmethod
    def genesys_called(self, outcome: str, seconds: float) -> None:
        """One call of the API: `outcome` is the first digit of the status as `2xx`, `429`, or `no_answer`."""

    @abstractmethod
    def sessions_evicted(self, count: int, *, undelivered: int) -> None:
        """`undelivered` of them went before Genesys had acknowledged their newest state."""

    @abstractmethod
    def eviction_failed(self) -> None:
        """An expired session could not be removed; the others are."""

    @abstractmethod
    def session_erased(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookFigures:
    """Since this process started; `seconds` is the sum over the successes."""

    successes: int
    failures: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Exposition:
    """Metrics in the text format that `content_type` names."""

    body: bytes
    content_type: str


class MetricsReader(Protocol):
    """What was counted."""

    @abstractmethod
    def webhook_figures(self) -> WebhookFigures: ...

    @abstractmethod
    def exposition(self, backlog: SyncBacklog | None, now: datetime) -> Exposition:
        """All metrics; those of the backlog are left out when the store did not answer (None)."""
