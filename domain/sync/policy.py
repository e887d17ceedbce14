"""The sync settings of a deployment: the target, the lease, and when a session is due again."""

from dataclasses import dataclass
from enum import StrEnum

from domain.backoff import backoff_seconds


class SyncTarget(StrEnum):
    """Where the copy of a session is delivered to; `none` switches the sync off."""

    MESSAGING_SESSIONS = "messaging-sessions"
    PARTICIPANT_ATTRIBUTES = "participant-attributes"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPolicy:
    """When a session is due for sync.

    Attributes:
        target: where copies are delivered to; with `none` nothing is ever due.
        lease_seconds: how long a claim keeps other sync workers away.
        refresh_fraction: a renewed expiry alone is delivered when this fraction of the time to live is
            left before the expiry that Genesys holds; 0: never.
        retry_seconds_min: the back-off after the first failed attempt.
        retry_seconds_max: the longest back-off between two attempts, without jitter.
    """

    target: SyncTarget = SyncTarget.MESSAGING_SESSIONS
    lease_seconds: float = 60.0
    refresh_fraction: float = 0.25
    retry_seconds_min: float = 1.0
    retry_seconds_max: float = 60.0

    @property
    def enabled(self) -> bool:
        return self.target is not SyncTarget.NONE

    def backoff_seconds(self, attempts: int, seconds_max: float | None = None) -> float:
        """The back-off after so many attempts, at most the smaller of the bounds; the caller adds jitter."""
        bound = self.retry_seconds_max if seconds_max is None else min(self.retry_seconds_max, seconds_max)
        return backoff_seconds(attempts, seconds_min=self.retry_seconds_min, seconds_max=bound)
