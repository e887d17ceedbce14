"""What the emulator remembers, without HTTP."""

import pytest

from adapters.genesys_emulator.conversations import ConversationBook, Participant
from adapters.genesys_emulator.errors import GenesysError
from adapters.genesys_emulator.genesys_time import genesys_time
from adapters.genesys_emulator.messaging_sessions import SessionBook
from adapters.genesys_emulator.settings import EmulatorSettings
from adapters.genesys_emulator.tokens import TokenBook
from adapters.genesys_emulator.write_log import WriteLog

NOW = "2026-01-01T12:00:00.000Z"


def log_of(count: int, *, writes_max: int) -> WriteLog:
    log = WriteLog(writes_max=writes_max)
    for number in range(1, count + 1):
        log.add("messaging-session", {"sessionId": "s"}, {"n": number}, time=NOW)
    return log


@pytest.mark.parametrize(
    ("since", "limit", "numbers"),
    [
        (0, None, [6, 7, 8, 9, 10]),
        (8, None, [9, 10]),
        (10, None, []),
        (99, None, []),
        (-5, None, [6, 7, 8, 9, 10]),
        (6, 2, [7, 8]),
    ],
)
def test_the_log_keeps_the_newest_writes_and_pages_by_number(
    since: int, limit: int | None, numbers: list[int]
) -> None:
    log = log_of(10, writes_max=5)

    assert [write.sequence for write in log.since(since, limit=limit)] == numbers
    assert log.newest == 10


def test_times_are_utc_with_milliseconds() -> None:
    assert genesys_time(1_767_268_800.0) == "2026-01-01T12:00:00.000Z"
    assert genesys_time(1_767_268_800.123_9) == "2026-01-01T12:00:00.123Z"


def test_an_expired_token_is_unknown_from_its_last_second_on() -> None:
    book = TokenBook(tokens_max=10)
    token = book.issue("client", 100.0, seconds=60)
    assert book.find(token.value, 159.9) is token

    assert book.find(token.value, 160.0) is None


def test_the_oldest_token_goes_when_there_is_no_room() -> None:
    book = TokenBook(tokens_max=2)
    tokens = [book.issue("client", 100.0, seconds=60) for _ in range(3)]

    assert [book.find(token.value, 101.0) is not None for token in tokens] == [False, True, True]


def test_the_oldest_conversation_and_session_go_when_there_is_no_room() -> None:
    conversations, sessions = ConversationBook(documents_max=2), SessionBook(documents_max=2)
    for name in ("a", "b", "c"):
        conversations.read(name, know_all=True, now=NOW)
        sessions.read(name, know_all=True, now=NOW)

    assert list(conversations.all()) == list(sessions.all()) == ["b", "c"]


def test_an_invented_conversation_has_the_same_customer_whenever_it_is_invented() -> None:
    first, second = (ConversationBook(documents_max=9).read("c", know_all=True, now=NOW) for _ in range(2))

    assert first == second
    assert [participant.purpose for participant in first.participants] == ["customer"]


def test_a_conversation_made_on_purpose_takes_in_no_stranger() -> None:
    book = ConversationBook(documents_max=9)
    book.create(
        "c",
        [Participant(id="p", purpose="customer", start_time=NOW, connected_time=NOW, attributes={})],
        now=NOW,
    )

    with pytest.raises(GenesysError, match="participant stranger") as refusal:
        book.merge_attributes("c", "stranger", {"a": "1"}, know_all=True, now=NOW)
    assert refusal.value.status == 404
    assert len(book.read("c", know_all=False, now=NOW).participants) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate_limit": -1},
        {"token_seconds": 0},
        {"rate_window_seconds": 0},
        {"latency_seconds": float("nan")},
        {"writes_max": 0},
    ],
)
def test_settings_out_of_bounds_are_refused_by_name(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EmulatorSettings(**wrong)  # type: ignore[arg-type]
