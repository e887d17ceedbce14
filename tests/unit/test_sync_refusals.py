"""Many refusals in a row for one reason are the fault of no session."""

from application.errors import GenesysRefused, GenesysUnavailable
from application.sync.outcome import Ending, SyncOutcome, delivered, outcome_of
from application.sync.refusals import SPARED_MAX, RefusalPolicy, RefusalsInARow
from domain.ids import SessionId
from domain.sync.state import SyncFailure, SyncReceipt
from tests.factories import START

DELIVERED = delivered(SyncReceipt(fingerprint="f", expires_at=START, synced_at=START))


def refused(code: str = "not.found", status: int | None = 404) -> SyncOutcome:
    return outcome_of(GenesysRefused(SyncFailure(code=code, reason="r", status=status)))


def endings(row: RefusalsInARow, outcomes: list[tuple[int, SyncOutcome]]) -> list[Ending]:
    return [row.judged(SessionId(f"s{number}"), outcome).ending for number, outcome in outcomes]


def row_of(count: int, outcome: SyncOutcome | None = None) -> list[tuple[int, SyncOutcome]]:
    return [(number, outcome or refused()) for number in range(count)]


def test_the_twentieth_refusal_in_a_row_is_a_misconfiguration_and_so_is_each_after_it() -> None:
    row = RefusalsInARow(RefusalPolicy())

    found = endings(row, row_of(23))

    assert found == [Ending.REFUSED] * 19 + [Ending.MISCONFIGURED] * 4


def test_those_who_were_refused_before_that_are_given_once_to_be_put_back() -> None:
    row = RefusalsInARow(RefusalPolicy())
    assert endings(row, row_of(19)).count(Ending.MISCONFIGURED) == 0
    assert row.take_wronged() == []
    endings(row, [(19, refused())])

    assert row.take_wronged() == [f"s{number}" for number in range(19)]
    assert row.take_wronged() == []


def test_a_delivery_or_another_code_breaks_the_row_and_what_may_pass_does_not() -> None:
    for between, broken in ((DELIVERED, True), (refused("bad.request", 400), True)):
        row = RefusalsInARow(RefusalPolicy())
        endings(row, row_of(19))
        endings(row, [(50, between)])
        assert (Ending.MISCONFIGURED not in endings(row, row_of(19))) is broken
    row = RefusalsInARow(RefusalPolicy())
    endings(row, row_of(19))
    endings(row, [(50, outcome_of(GenesysUnavailable(SyncFailure(code="c", reason="r", status=503))))])

    assert endings(row, [(20, refused())]) == [Ending.MISCONFIGURED]


def test_few_sessions_that_are_refused_again_and_again_are_at_fault_themselves() -> None:
    row = RefusalsInARow(RefusalPolicy())

    found = endings(row, [(number % 4, refused()) for number in range(100)])

    assert set(found) == {Ending.REFUSED}


def test_what_this_service_refuses_to_send_says_nothing_about_genesys() -> None:
    """A conversation that cannot be read, one without a customer: there is no status."""
    row = RefusalsInARow(RefusalPolicy())

    found = endings(row, row_of(100, refused("conversation.unreadable", None)))

    assert set(found) == {Ending.REFUSED}


def test_another_refusal_does_not_end_the_suspicion_and_a_delivery_does() -> None:
    row = RefusalsInARow(RefusalPolicy())
    endings(row, row_of(20))
    other = endings(row, [(30, refused("bad.request", 400)), (31, refused())])
    assert other == [Ending.REFUSED, Ending.MISCONFIGURED]

    assert endings(row, [(32, DELIVERED), (33, refused())]) == [Ending.DELIVERED, Ending.REFUSED]


def test_a_session_that_was_spared_once_is_refused_when_others_were_delivered_since() -> None:
    row = RefusalsInARow(RefusalPolicy())
    endings(row, row_of(25))
    assert len(row.take_wronged()) == 19
    endings(row, [(100, DELIVERED)])

    assert set(endings(row, row_of(25))) == {Ending.REFUSED}
    assert row.take_wronged() == []
    fresh = endings(row, [(200 + number, refused()) for number in range(20)])
    assert fresh[-1] is Ending.MISCONFIGURED


def test_what_is_remembered_is_bounded() -> None:
    row = RefusalsInARow(RefusalPolicy())
    endings(row, row_of(SPARED_MAX + 500))

    assert len(row._spared) == SPARED_MAX
    assert len(row._row) <= 20
