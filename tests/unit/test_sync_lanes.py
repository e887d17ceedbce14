"""How calls are shared out between the lanes."""

from application.ports.genesys import BudgetFigures
from application.sync.lanes import LanePolicy, LaneTurns
from domain.sync.state import SyncLane

LIVE, ENDED = SyncLane.LIVE, SyncLane.ENDED


def figures(left: int) -> BudgetFigures:
    return BudgetFigures(allowed=300, left=left, in_flight=0, closed_seconds=0.0)


def spent(turns: LaneTurns, calls: int, *due: SyncLane) -> list[SyncLane]:
    """To which lanes so many calls go while sessions are due in these."""
    found = []
    for _ in range(calls):
        lane = next(lane for lane in turns.order() if lane in due)
        turns.spent(lane)
        found.append(lane)
    return found


def test_while_both_wait_ended_sessions_get_one_call_in_five() -> None:
    found = spent(LaneTurns(LanePolicy()), 100, LIVE, ENDED)

    assert found[:5] == [LIVE, LIVE, LIVE, LIVE, ENDED]
    assert found.count(ENDED) == 20


def test_a_lane_that_waits_alone_gets_all_calls() -> None:
    for lane in (LIVE, ENDED):
        assert spent(LaneTurns(LanePolicy()), 20, lane) == [lane] * 20


def test_calls_that_ended_sessions_did_not_need_are_not_saved_up_for_them() -> None:
    turns = LaneTurns(LanePolicy())
    spent(turns, 1000, LIVE)

    assert spent(turns, 20, LIVE, ENDED).count(ENDED) == 4


def test_a_refresh_is_made_while_more_than_the_reserve_is_left() -> None:
    turns = LaneTurns(LanePolicy())

    assert turns.may_refresh(figures(61))
    assert not turns.may_refresh(figures(60))
    assert not turns.may_refresh(figures(0))


def test_lanes_sort_in_the_order_of_spending() -> None:
    assert sorted(SyncLane) == [SyncLane.LIVE, SyncLane.ENDED, SyncLane.REFRESH]
