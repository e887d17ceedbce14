"""Genesys' way to write a moment."""

from datetime import UTC, datetime


def genesys_time(epoch_seconds: float) -> str:
    """ISO 8601 in UTC with milliseconds, as in `2026-01-01T12:00:00.000Z`."""
    moment = datetime.fromtimestamp(epoch_seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
