"""Back-off of single sessions: those that fail here, and not at Genesys, so that the others have their turn.

A record that cannot be read, or that its store fails on again and again, is due for ever. Pure: the
time is passed in, as seconds of a clock that only goes forward.
"""

from dataclasses import dataclass

from domain.backoff import backoff_seconds
from domain.ids import SessionId

FORGET_AFTER_SECONDS = 600.0
KEPT_MAX = 10_000


@dataclass(slots=True)
class _Pause:
    failures: int
    until: float


class SessionBackoff:
    def __init__(self, *, seconds_min: float, seconds_max: float) -> None:
        """The first pause of a session is `seconds_min`, each further one twice as long."""
        self._seconds_min = seconds_min
        self._seconds_max = seconds_max
        self._pauses: dict[SessionId, _Pause] = {}

    def __len__(self) -> int:
        """Sessions that have failed lately, in a pause or not."""
        return len(self._pauses)

    def grow(self, session_id: SessionId, now: float) -> float:
        """Begins the next pause of a session; for how many seconds."""
        if len(self._pauses) >= KEPT_MAX:
            self._forget_old(now)
        pause = self._pauses.setdefault(session_id, _Pause(0, now))
        pause.failures += 1
        seconds = backoff_seconds(
            pause.failures, seconds_min=self._seconds_min, seconds_max=self._seconds_max
        )
        pause.until = now + seconds
        return seconds

    def reset(self, session_id: SessionId) -> None:
        """The session did not fail: there is no pause, and the next one is the first."""
        self._pauses.pop(session_id, None)

    def holds(self, session_id: SessionId, now: float) -> bool:
        """Whether the session pauses."""
        pause = self._pauses.get(session_id)
        return pause is not None and now < pause.until

    def count(self, now: float) -> int:
        """How many pause now: so many more have to be asked for to find one that does not."""
        return sum(now < pause.until for pause in self._pauses.values())

    def _forget_old(self, now: float) -> None:
        kept = {key: one for key, one in self._pauses.items() if now < one.until + FORGET_AFTER_SECONDS}
        while len(kept) >= KEPT_MAX:
            del kept[next(iter(kept))]
        self._pauses = kept
