"""Back-off of single sessions that fail in this service, not at Genesys, so that others have their turn.

A record that cannot be read, or that the store fails on again and again, stays due. Pure: the time is
passed in, as seconds of a monotonic clock.
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
        """The first pause of a session is `seconds_min`; each further one doubles, up to `seconds_max`."""
        self._seconds_min = seconds_min
        self._seconds_max = seconds_max
        self._pauses: dict[SessionId, _Pause] = {}

    def __len__(self) -> int:
        """The number of sessions that have failed lately, in a pause or not."""
        return len(self._pauses)

    def grow(self, session_id: SessionId, now: float) -> float:
        """Begins the next pause of a session; returns its seconds."""
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
        """Ends the back-off of a session that did not fail; its next pause is the first again."""
        self._pauses.pop(session_id, None)

    def holds(self, session_id: SessionId, now: float) -> bool:
        """Whether the session is in a pause."""
        pause = self._pauses.get(session_id)
        return pause is not None and now < pause.until

    def count(self, now: float) -> int:
        """The number of sessions in a pause: so many more are read from the store to find one that is not."""
        return sum(now < pause.until for pause in self._pauses.values())

    def _forget_old(self, now: float) -> None:
        kept = {key: one for key, one in self._pauses.items() if now < one.until + FORGET_AFTER_SECONDS}
        while len(kept) >= KEPT_MAX:
            del kept[next(iter(kept))]
        self._pauses = kept
