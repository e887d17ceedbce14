"""Moments in time: aware UTC datetimes in memory, integer microseconds since 1970 in records."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970-01-01T00:00:00Z; exact, unlike `datetime.timestamp`."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """The aware UTC datetime of so many microseconds since 1970.

    Raises:
        OverflowError: the moment is outside the years 1 to 9999.
    """
    return _EPOCH + timedelta(microseconds=microseconds)


def to_text(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, always 24 characters: `2026-01-01T12:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat("T", "milliseconds")[:23] + "Z"
