"""Sessions that fail here, and not at Genesys, set aside so that the others have their turn.

A record that cannot be read, or that its store fails on again and again, is due for ever. Pure: the
time is passed in, as seconds of a clock that only goes forward.
"""

from dataclasses import dataclass

from domain.backoff import backoff_seconds
from domain.ids import SessionId

FORGET_AFTER_SECONDS = 600.0
KEPT_MAX = 10_000


@dataclass(slots=True)
class _Aside:
    strikes: int
    until: float


class SetAside:
    def __init__(self, *, seconds_min: float, seconds_max: float) -> None:
        """The first time a session is set aside for `seconds_min`, then twice as long each time."""
        self._seconds_min = seconds_min
        self._seconds_max = seconds_max
        self._aside: dict[SessionId, _Aside] = {}

    def strike(self, session_id: SessionId, now: float) -> float:
        """Sets a session aside; for how many seconds."""
        if len(self._aside) >= KEPT_MAX:
            self._forget_old(now)
        entry = self._aside.setdefault(session_id, _Aside(0, now))
        entry.strikes += 1
        seconds = backoff_seconds(entry.strikes, seconds_min=self._seconds_min, seconds_max=self._seconds_max)
        entry.until = now + seconds
        return seconds

    def forgive(self, session_id: SessionId) -> None:
        self._aside.pop(session_id, None)

    def holds(self, session_id: SessionId, now: float) -> bool:
        entry = self._aside.get(session_id)
        return entry is not None and now < entry.until

    def count(self, now: float) -> int:
        """How many are aside now: so many more have to be asked for to find one that is not."""
        return sum(now < entry.until for entry in self._aside.values())

    def _forget_old(self, now: float) -> None:
        kept = {key: one for key, one in self._aside.items() if now < one.until + FORGET_AFTER_SECONDS}
        while len(kept) >= KEPT_MAX:
            del kept[next(iter(kept))]
        self._aside = kept
