"""Whether a session lives: its ends and its activity in the order of events, not of arrival."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.stamps import BEFORE_ALL, Stamp

ENDS_KEPT_MAX = 8


class SessionStatus(StrEnum):
    """What a reader is told. `persisted` is the name for a live session that users know."""

    PERSISTED = "persisted"
    ENDED = "ended"
    ERASED = "erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """Activity and ends.

    Attributes:
        last_activity: the newest event that was not an end; None when there was none.
        ends: the ends newer than that, oldest first. A later activity starts the session again after
            the newest end before it, so more than the last one matter; at most `ENDS_KEPT_MAX`.
        erased: events not newer than this are as if they had never been. The end of a session that has
            expired is remembered in this way, too.
        erased_until: how long that and `ends` are remembered, also when the session itself has expired.
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
        """Whether nothing is known but an erasure, or the end of a session that has expired."""
        return self.last_activity is None and BEFORE_ALL < self.erased == self.newest

    @property
    def newest(self) -> Stamp:
        """The newest event that this session knows of."""
        return max(self.last_activity or BEFORE_ALL, self.erased, *self.ends)

    def remembered(self, until: datetime) -> "Lifecycle":
        """With its ends, if there are any, remembered at least so long."""
        if not self.ends or (self.erased_until is not None and self.erased_until >= until):
            return self
        return replace(self, erased_until=until)

    def active(self, stamp: Stamp) -> tuple["Lifecycle", Stamp]:
        """After an activity; and the floor that the ends before it set for the context."""
        if self.last_activity is not None and stamp <= self.last_activity:
            return self, BEFORE_ALL
        passed = [end for end in self.ends if end < stamp]
        later = tuple(end for end in self.ends if end > stamp)
        return replace(self, last_activity=stamp, ends=later), max(passed, default=BEFORE_ALL)

    def ended(self, stamp: Stamp) -> tuple["Lifecycle", Stamp]:
        """After an end; and the floor that it sets, when newer activity has already begun again."""
        if self.last_activity is not None and stamp < self.last_activity:
            return self, stamp
        if stamp in self.ends:
            return self, BEFORE_ALL
        ends = tuple(sorted((*self.ends, stamp)))
        if len(ends) > ENDS_KEPT_MAX:
            ends = (ends[0], *ends[2:])
        return replace(self, ends=ends), BEFORE_ALL
