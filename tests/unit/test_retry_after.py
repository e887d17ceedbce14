"""`Retry-After` in all its forms."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.genesys.retry_after import SECONDS_MAX, moment_of, retry_after_seconds

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("42", 42),
        (" 42 ", 42),
        ("300", 300),
        ("301", 300),
        ("9" * 400, 300),
        ("Thu, 01 Jan 2026 12:00:10 GMT", 10),
        ("Thursday, 01-Jan-26 12:00:10 GMT", 10),
        ("Thu Jan  1 12:00:10 2026", 10),
        ("Thu, 01 Jan 2026 13:00:10 +0100", 10),
        ("Thu, 01 Jan 2026 11:59:59 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 300),
    ],
)
def test_seconds_and_dates_are_understood(value: str, seconds: float) -> None:
    assert retry_after_seconds(value, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [None, "", "soon", "-1", "+1", "1.5", "1e3", "nan", "inf", "٤٢", "²", "Thu, 99 Jan 2026 12:00:10 GMT"],
)
def test_what_makes_no_sense_is_as_if_it_were_not_there(value: str | None) -> None:
    assert retry_after_seconds(value, NOW) is None


@given(st.text())
def test_whatever_stands_there_the_wait_is_within_bounds(value: str) -> None:
    seconds = retry_after_seconds(value, NOW)

    assert seconds is None or 0 <= seconds <= SECONDS_MAX


@given(st.text())
def test_a_moment_has_a_zone(value: str) -> None:
    moment = moment_of(value)

    assert moment is None or moment.utcoffset() is not None
