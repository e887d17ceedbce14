from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.instants import from_microseconds, to_microseconds, to_text
from tests.contract.happenings import examples

moments = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30))]))


@examples(200)
@given(moments)
def test_microseconds_are_exact_both_ways(moment: datetime) -> None:
    assert from_microseconds(to_microseconds(moment)) == moment
    assert from_microseconds(to_microseconds(moment)).tzinfo is UTC


def test_moments_before_1970_are_negative() -> None:
    assert to_microseconds(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1


def test_what_lies_outside_the_calendar_is_refused() -> None:
    with pytest.raises(OverflowError):
        from_microseconds(2**62)


@examples(100)
@given(moments.filter(lambda moment: 1 < moment.year < 9999))
def test_the_text_is_utc_with_milliseconds_and_always_as_long(moment: datetime) -> None:
    text = to_text(moment)

    assert len(text) == 24
    assert text.endswith("Z")
    assert timedelta(0) <= moment - datetime.fromisoformat(text) < timedelta(milliseconds=1)
