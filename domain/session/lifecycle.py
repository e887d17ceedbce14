"""Whether a session is live, ended or erased, by the order of its events, not of their arrival."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.stamps import BEFORE_ALL, Stamp

ENDS_KEPT_MAX = 8


class SessionStatus(StrEnum):
    """The status that a reader is shown. `persisted` is the users' name for a live session."""

    PERSISTED = "persisted"
    ENDED = "ended"
    ERASED = "erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """The activity, the ends and the erasure of a session, as stamps.

    Attributes:
        last_activity: the newest event that was not an end; None when there was none.
        ends: the ends newer than that, oldest first. A late activity restarts the session after the
            newest end before it, so all of them matter; at most `ENDS_KEPT_MAX` are kept.
        erased: events not newer than this are ignored. It also remembers the end of a session that has
            expired.
        erased_until: how long `erased` and `ends` are remembered, also after the session has expired.
    """

    last_activity: Stamp | None = None
    ends: tuple[Stamp, ...] = ()
    erased: Stamp = BEFORE_ALL
    erased_until: datetime | None = None

    @property
    def status(self) -> SessionStatus:
        if self.ends:
            return SessionStatus.ENDED
        return SessionStatus.ERASED if self.last_activity is None else SessionStatus.PERSISTED

    @property
    def is_tombstone(self) -> bool:
        """Whether this is only a tombstone: of an erasure, or of a session that has ended and expired."""
        return self.last_activity is None and BEFORE_ALL < self.erased == self.newest

    @property
    def newest(self) -> Stamp:
        """The stamp of the newest event that was applied."""
        return max(self.last_activity or BEFORE_ALL, self.erased, *self.ends)

    def remembered(self, until: datetime) -> "Lifecycle":
        """With its ends, if there are any, remembered until then or longer."""
        if not self.ends or (self.erased_until is not None and self.erased_until >= until):
            return self
        return replace(self, erased_until=until)

    def active(self, stamp: Stamp) -> tuple["Lifecycle", Stamp]:
        """After an activity; and the floor of the context: the newest end before it, or `BEFORE_ALL`."""
        if self.last_activity is not None and stamp <= self.last_activity:
            return self, BEFORE_ALL
        if not self.ends:
            live = Lifecycle(last_activity=stamp, erased=self.erased, erased_until=self.erased_until)
            return live, BEFORE_ALL
        passed = [end for end in self.ends if end < stamp]
        later = tuple(end for end in self.ends if end > stamp)
        return replace(self, last_activity=stamp, ends=later), max(passed, default=BEFORE_ALL)

    def ended(self, stamp: Stamp) -> tuple["Lifecycle", Stamp]:
        """After an end; and the floor of the context: this end, if a newer activity is known."""
        if self.last_activity is not None and stamp < self.last_activity:
            return self, stamp
        if stamp in self.ends:
            return self, BEFORE_ALL
        ends = tuple(sorted((*self.ends, stamp)))
        if len(ends) > ENDS_KEPT_MAX:
            ends = (ends[0], *ends[2:])
        return replace(self, ends=ends), BEFORE_ALL
