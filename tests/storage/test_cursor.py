import pytest

from adapters.postgres.trail_place import TrailPlace
from adapters.storage.cursor import CURSOR_LENGTH_MAX, cursor_of, number_of, place_of
from application.errors import UnknownCursor
from domain.ids import SessionId

S, OTHER = SessionId("s"), SessionId("other")


@pytest.mark.parametrize("place", ["0", "1", "9" * 18, "7@10:20:11,12"])
def test_a_cursor_gives_its_place_back_for_its_own_session_alone(place: str) -> None:
    cursor = cursor_of(S, place)

    assert place_of(S, cursor) == place
    assert cursor.replace("-", "").replace("_", "").isalnum()
    with pytest.raises(UnknownCursor):
        place_of(OTHER, cursor)


@pytest.mark.parametrize("place", ["", "-1", "1.5", "٣", "9" * 19, "7@1:1:"])
def test_a_cursor_of_another_kind_of_store_is_none_here(place: str) -> None:
    with pytest.raises(UnknownCursor):
        number_of(S, cursor_of(S, place))


@pytest.mark.parametrize("place", ["7", "7@1:1", "7@x:1:", "@1:1:", "7@1:1:\n"])
def test_a_place_without_a_snapshot_is_none_for_postgresql(place: str) -> None:
    with pytest.raises(UnknownCursor):
        TrailPlace.of(S, cursor_of(S, place))


def test_a_cursor_is_short_enough_to_ask_for_however_many_transactions_are_under_way() -> None:
    snapshot = "1000000:2000000:" + ",".join(str(1_000_000 + number) for number in range(5000))

    cursor = TrailPlace(7, snapshot).cursor(S)

    assert len(cursor) < CURSOR_LENGTH_MAX
    assert TrailPlace.of(S, cursor) == TrailPlace(7, "1000000:1000000:")
