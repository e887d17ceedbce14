"""`Retry-After` (RFC 9110 section 10.2.3): seconds, or a date."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SECONDS_MAX = 300.0
"""A longer wait is cut to this: a wrong header must not stop the sync for days."""

DATE_LENGTH_MAX = 64


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Seconds to wait, from 0 to SECONDS_MAX; None when there is no header, or none that makes sense.

    Args:
        now: by the clock of whoever wrote the header, if the answer has it (`Date`).
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), SECONDS_MAX)
    moment = moment_of(text)
    return None if moment is None else min(max(0.0, (moment - now).total_seconds()), SECONDS_MAX)


def moment_of(text: str | None) -> datetime | None:
    """The moment of an HTTP date; None when it is none. One without a zone is in UTC, as all of them are."""
    if text is None or len(text) > DATE_LENGTH_MAX:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
