from itertools import permutations

import pytest

from domain.session.lifecycle import ENDS_KEPT_MAX, Lifecycle, SessionStatus
from domain.stamps import BEFORE_ALL, Stamp

T = [Stamp(number, "") for number in range(30)]


def test_without_any_event_there_is_nothing() -> None:
    assert Lifecycle().status is SessionStatus.ERASED
    assert Lifecycle().newest == BEFORE_ALL


def test_activity_makes_it_live_and_an_end_ends_it() -> None:
    live, _ = Lifecycle().active(T[1])
    ended, floor = live.ended(T[2])

    assert live.status is SessionStatus.PERSISTED
    assert ended.status is SessionStatus.ENDED
    assert ended.newest == T[2]
    assert floor == BEFORE_ALL


def test_activity_older_than_the_end_does_not_reopen_it() -> None:
    ended, _ = Lifecycle().ended(T[5])

    after, floor = ended.active(T[4])

    assert after.status is SessionStatus.ENDED
    assert after.last_activity == T[4]
    assert floor == BEFORE_ALL


def test_activity_after_an_end_starts_again_above_it() -> None:
    ended, _ = Lifecycle(last_activity=T[1]).ended(T[2])

    again, floor = ended.active(T[3])

    assert again.status is SessionStatus.PERSISTED
    assert again.ends == ()
    assert floor == T[2]


def test_an_end_older_than_newer_activity_only_raises_the_floor() -> None:
    live = Lifecycle(last_activity=T[9])

    after, floor = live.ended(T[5])

    assert after is live
    assert floor == T[5]


def test_of_several_ends_each_divides_what_comes_between_them() -> None:
    ended = Lifecycle(last_activity=T[1], ends=(T[2], T[4], T[6]))

    between, floor = ended.active(T[5])

    assert between.ends == (T[6],)
    assert between.status is SessionStatus.ENDED
    assert floor == T[4]


def test_a_repeated_end_changes_nothing() -> None:
    ended, _ = Lifecycle(last_activity=T[1]).ended(T[2])

    assert ended.ended(T[2]) == (ended, BEFORE_ALL)


@pytest.mark.parametrize("ends", [ENDS_KEPT_MAX + 1, 25])
def test_the_ends_that_are_kept_are_bounded_and_hold_the_oldest_and_the_newest(ends: int) -> None:
    lifecycle = Lifecycle(last_activity=T[0])
    for number in range(1, ends + 1):
        lifecycle, _ = lifecycle.ended(T[number])

    assert len(lifecycle.ends) == ENDS_KEPT_MAX
    assert lifecycle.ends[0] == T[1]
    assert lifecycle.ends[-1] == T[ends]


def test_any_order_of_ends_and_activity_gives_one_status() -> None:
    told = [("active", T[1]), ("ended", T[2]), ("active", T[3]), ("ended", T[4]), ("ended", T[5])]
    results = set()
    for order in permutations(told):
        lifecycle = Lifecycle()
        for kind, stamp in order:
            lifecycle, _ = getattr(lifecycle, kind)(stamp)
        results.add(lifecycle)

    assert results == {Lifecycle(last_activity=T[3], ends=(T[4], T[5]))}
