"""The clock of the machine: the one place that asks it."""

from datetime import UTC, datetime

from application.ports.runtime import Clock


class SystemClock(Clock):
    def now(self) -> datetime:
        return datetime.now(UTC)
