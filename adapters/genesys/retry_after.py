"""`Retry-After` (RFC 9110 section 10.2.3): seconds, or a date."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SECONDS_MAX = 300.0
"""A longer wait is cut to this: a wrong header must not stop the sync for days."""


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Seconds to wait, from 0 to SECONDS_MAX; None when there is no header, or none that makes sense."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), SECONDS_MAX)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - now).total_seconds()), SECONDS_MAX)
