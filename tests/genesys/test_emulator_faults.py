import random
from typing import Any

import pytest

from adapters.genesys_emulator.fault_text import fault_from_text
from adapters.genesys_emulator.faults import NETWORK_KINDS, STATUS_KINDS, FaultBook, FaultKind, FaultRule

PATH = "/api/v2/messaging/sessions/s1"


def strikes(
    book: FaultBook, method: str = "PATCH", path: str = PATH, *, now: float = 0.0, dice: float = 0.0
) -> bool:
    return book.pick(STATUS_KINDS, method, path, now=now, chance=lambda: dice) is not None


def book_of(*rules: FaultRule, now: float = 0.0) -> FaultBook:
    book = FaultBook()
    book.replace(rules, now)
    return book


def test_a_rule_without_bounds_strikes_until_it_is_removed() -> None:
    book = book_of(FaultRule(kind=FaultKind.SERVICE_UNAVAILABLE))
    assert all(strikes(book, now=float(second)) for second in range(100))

    book.replace([], 100.0)

    assert not strikes(book, now=100.0)


def test_a_rule_for_the_next_calls_strikes_so_many_and_no_more() -> None:
    book = book_of(FaultRule(kind=FaultKind.SERVICE_UNAVAILABLE, calls=2))

    assert [strikes(book) for _ in range(4)] == [True, True, False, False]


def test_calls_that_do_not_match_use_nothing_up() -> None:
    book = book_of(
        FaultRule(kind=FaultKind.SERVICE_UNAVAILABLE, calls=1, method="patch", path_contains="/sessions/")
    )

    assert not strikes(book, method="GET")
    assert not strikes(book, path="/api/v2/tokens/me")
    assert strikes(book)


def test_a_timed_rule_ends_at_its_time() -> None:
    book = book_of(FaultRule(kind=FaultKind.SERVICE_UNAVAILABLE, seconds=30), now=100.0)

    assert strikes(book, now=129.9)
    assert not strikes(book, now=130.0)


def test_the_dice_decide_a_rule_with_a_probability() -> None:
    book = book_of(FaultRule(kind=FaultKind.SERVICE_UNAVAILABLE, probability=0.2))

    assert strikes(book, dice=0.199)
    assert not strikes(book, dice=0.2)


def test_about_the_share_of_calls_is_struck() -> None:
    book = book_of(FaultRule(kind=FaultKind.SERVICE_UNAVAILABLE, probability=0.2))
    dice = random.Random(7)

    struck = sum(
        book.pick(STATUS_KINDS, "GET", PATH, now=0.0, chance=dice.random) is not None for _ in range(10_000)
    )

    assert 1_800 < struck < 2_200


def test_the_first_rule_in_order_strikes() -> None:
    book = book_of(
        FaultRule(kind=FaultKind.BAD_GATEWAY, calls=1), FaultRule(kind=FaultKind.SERVICE_UNAVAILABLE)
    )

    picked = [book.pick(STATUS_KINDS, "GET", PATH, now=0.0, chance=lambda: 0.0) for _ in range(2)]

    assert [rule.kind for rule in picked if rule] == ["502", "503"]


def test_asking_for_one_class_of_faults_leaves_the_other_alone() -> None:
    book = book_of(FaultRule(kind=FaultKind.CLOSE, calls=1))

    assert not strikes(book)
    assert book.pick(NETWORK_KINDS, "GET", PATH, now=0.0, chance=lambda: 0.0) is not None


def test_the_status_of_a_rule_says_what_is_left_of_it() -> None:
    book = book_of(FaultRule(kind=FaultKind.BAD_GATEWAY, calls=3, seconds=30), now=100.0)
    assert strikes(book, now=110.0)

    (status,) = book.statuses(110.0)

    assert (status.fired, status.calls_left, status.seconds_left) == (1, 2, 20.0)
    assert book.statuses(130.0) == []


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("503", {}),
        ("503:0.2", {"probability": 0.2}),
        ("503:1", {"probability": 1.0}),
        ("429=5:3x", {"retry_after": "5", "calls": 3}),
        ("429=date+5", {"retry_after": "date+5"}),
        ("503=7", {"retry_after": "7"}),
        ("429=none:1x", {"retry_after": "", "calls": 1}),
        ("hang=20:30s", {"hang_seconds": 20.0, "seconds": 30.0}),
        ("close-after:1x@PATCH", {"calls": 1, "method": "PATCH"}),
        ("close@/sessions/", {"path_contains": "/sessions/"}),
        (
            "500:0.5,10s@PATCH/attributes",
            {"probability": 0.5, "seconds": 10.0, "method": "PATCH", "path_contains": "/attributes"},
        ),
        ("away:0.5s", {"seconds": 0.5}),
    ],
)
def test_a_line_of_text_becomes_a_rule(text: str, fields: dict[str, Any]) -> None:
    kind = FaultKind(text.replace("=", ":").replace("@", ":").split(":")[0])

    assert fault_from_text(text) == FaultRule(kind=kind, **fields)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "418",
        "bla",
        "503:",
        "503:2",
        "503:0",
        "503:-1",
        "503:x",
        "503:0x",
        "503:0s",
        "503:nan",
        "503=",
        "503=soon",
        "close=3",
        "close=none",
        "hang=none",
        "hang=x",
        "hang=0",
        "hang=inf",
        "503@",
        "503@FETCH",
        "503@sessions",
        "503:0.2:3x",
        "503:³x",
        "503=٣",
        "503 ",
        "429=-1",
        "503:0.2,",
    ],
)
def test_text_that_is_no_rule_is_refused_and_told_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"KIND\[=VALUE\]\[:HOW\[,HOW\]\]\[@MATCH\].*close-after") as refusal:
        fault_from_text(text)

    assert repr(text) in str(refusal.value)
