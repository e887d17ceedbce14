"""Those who call Genesys with the same token: other processes of this service, or somebody else."""

import math

MEMORY_SECONDS = 10.0
BLIND_SECONDS = 1.0
SLOWNESS_KEPT = 0.9
LUMPS = 2.0


class OtherUsers:
    """Seen in that Genesys counts more calls than we made."""

    def __init__(self, *, now: float) -> None:
        self._began = now
        self._rate_before = 0.0
        self._surplus_before = 0
        self._seen = 0
        self._call_seconds = 0.0

    @property
    def blind_seconds(self) -> float:
        """For so long others may have called unknown to us: what we know is as old as our calls."""
        return BLIND_SECONDS + 2.0 * self._call_seconds

    def note_duration(self, seconds: float) -> None:
        """How long a call of ours took; slow ones are remembered for a while."""
        self._call_seconds = max(seconds, self._call_seconds * SLOWNESS_KEPT)

    def start(self, surplus: int, now: float) -> None:
        """A window begins; what was counted before we looked says nothing about their rate."""
        self._rate_before = self._rate(now)
        self._began = now
        self._seen = 0
        self._surplus_before = max(0, surplus)

    def note(self, surplus: int) -> None:
        """`surplus` is what Genesys counted in this window beyond the calls that may be ours."""
        self._seen = max(self._seen, surplus - self._surplus_before)

    def present(self, now: float) -> bool:
        return self._rate(now) * MEMORY_SECONDS >= 0.5  # noqa: PLR2004 - half a call and less: nobody is there

    def claim(self, now: float, window_ends: float) -> float:
        """The calls to leave to them: what they are likely to make, and a bit more as calls come in lumps."""
        if not self.present(now):
            return 0.0
        rate = self._rate(now)
        expected = rate * max(0.0, window_ends - now)
        return expected + 1.0 + LUMPS * math.sqrt(expected + rate * self.blind_seconds)

    def _rate(self, now: float) -> float:
        """Calls a second."""
        seen = self._rate_before * MEMORY_SECONDS + self._seen
        return seen / (MEMORY_SECONDS + max(0.0, now - self._began))
