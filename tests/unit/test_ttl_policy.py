from datetime import timedelta

import pytest

from domain.errors import InvalidEvent
from domain.session.ttl_policy import TtlPolicy
from tests.factories import at


@pytest.mark.parametrize("seconds", [1, 2, 3600, 2_592_000])
def test_what_lies_within_the_bounds_is_taken(seconds: int) -> None:
    TtlPolicy().check(seconds)


@pytest.mark.parametrize("seconds", [-1, 0, 2_592_001, 10**12])
def test_what_lies_outside_is_refused_with_its_place_and_the_bounds(seconds: int) -> None:
    with pytest.raises(InvalidEvent) as refused:
        TtlPolicy().check(seconds)

    (violation,) = refused.value.violations
    assert (violation.pointer, violation.code) == ("/ttlSeconds", "out_of_range")
    assert "from 1 to 2592000" in violation.detail


@pytest.mark.parametrize("bounds", [{"min_seconds": 4000}, {"max_seconds": 100}, {"default_seconds": 0}])
def test_a_default_outside_its_own_bounds_is_no_policy(bounds: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="default"):
        TtlPolicy(**bounds)


def test_an_ended_session_is_kept_no_longer_than_its_grace() -> None:
    policy = TtlPolicy(ended_seconds_max=100)

    assert policy.expires_at(at(0), 3600, ended=False) == at(3600)
    assert policy.expires_at(at(0), 3600, ended=True) == at(100)
    assert policy.expires_at(at(0), 60, ended=True) == at(0) + timedelta(minutes=1)
