"""Events that are too large, of the wrong media type, or come while the store is away; and what is logged."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.http.keeper import WEBHOOK, Keeper, pointers, problem, running_keeper

EVENT = b'{"sessionId":"s","eventType":"message","context":{"secret":"4111-1111"}}'


async def in_chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 1000):
        yield body[start : start + 1000]


async def test_a_context_over_its_budget_is_answered_with_the_sizes(keeper: Keeper) -> None:
    context = {"small": 1, "big": "x" * 5000, "half": "ä" * 2000}

    answer = await keeper.post(context=context)

    body = problem(answer, 413)
    assert body["limit"] == 8192
    assert body["byteSize"] == len('{"big":"","half":"","small":1}') + 5000 + 2 * 2000
    assert body["largest"] == [
        {"name": "big", "byteSize": 5008},
        {"name": "half", "byteSize": 4009},
        {"name": "small", "byteSize": 9},
    ]
    assert pointers(answer, 413) == {"/context": "too_large"}


async def test_the_merged_context_is_what_is_measured(keeper: Keeper) -> None:
    await keeper.post(context={"a": "x" * 5000})
    keeper.clock.advance(1)

    answer = await keeper.post(context={"b": "x" * 5000}, contextMode="merge")

    assert problem(answer, 413)["byteSize"] > 10_000
    assert list(await keeper.context()) == ["a"]


async def test_a_refused_context_changes_nothing_and_leaves_a_failure_in_the_trail(keeper: Keeper) -> None:
    await keeper.post(context={"a": 1})
    keeper.clock.advance(1)

    await keeper.post(context={"secret": "x" * 9000})

    entries = await keeper.trail()
    assert [entry["action"] for entry in entries] == ["SESSION_PERSISTED", "SESSION_PERSISTENCE_FAILURE"]
    assert (entries[1]["status"], entries[1]["revision"]) == ("FAILED", 1)
    assert "over the limit of 8192" in entries[1]["reason"]
    assert await keeper.context() == {"a": 1}


async def test_a_refused_field_leaves_a_failure_in_the_trail_of_its_session(keeper: Keeper) -> None:
    await keeper.post(ttlSeconds=0, contextMode="x")

    assert [(entry["action"], entry["reason"]) for entry in await keeper.trail()] == [
        ("SESSION_PERSISTENCE_FAILURE", "/contextMode: wrong_value; /ttlSeconds: out_of_range")
    ]
    problem(await keeper.http.get("/sessions/s"), 404)


async def test_a_body_that_announces_too_much_is_not_read(keeper: Keeper) -> None:
    answer = await keeper.post_raw(b"x" * 131_073)

    body = problem(answer, 413)
    assert (body["byteSize"], body["limit"]) == (131_073, 131_072)
    assert pointers(answer, 413) == {"": "too_large"}


async def test_a_body_in_chunks_is_read_up_to_the_limit(keeper: Keeper) -> None:
    event = EVENT + b" " * (131_072 - len(EVENT))

    fits = await keeper.post_raw(in_chunks(event))
    over = await keeper.post_raw(in_chunks(event + b" "))

    assert fits.status_code == 200
    assert problem(over, 413)["limit"] == 131_072


@pytest.mark.parametrize("announced", ["x", "1e3", "²", "1 2", ""])
async def test_a_length_that_is_no_number_is_refused(keeper: Keeper, announced: str) -> None:
    answer = await keeper.post_raw(in_chunks(EVENT), content_length=announced.encode("latin-1"))

    problem(answer, 400)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=utf-8",
        'application/json ; Charset="UTF-8" ; profile=x',
        "application/json;",
    ],
)
async def test_json_in_utf8_is_taken_in_however_it_is_spelt(keeper: Keeper, content_type: str) -> None:
    assert (await keeper.post_raw(EVENT, content_type=content_type)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": ""},
        {"content_type": "text/plain"},
        {"content_type": "application/problem+json"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "application/json; charset=utf-16"},
        {"content_type": "application/json; charset=iso-8859-1"},
        {"content_type": b"\xff\xfe"},
        {"content_encoding": "gzip"},
        {"content_encoding": "identity, br"},
    ],
    ids=str,
)
async def test_anything_but_plain_json_is_refused(keeper: Keeper, headers: dict[str, Any]) -> None:
    problem(await keeper.post_raw(EVENT, **headers), 415)


async def test_a_request_without_a_content_type_is_refused(keeper: Keeper) -> None:
    problem(await keeper.http.post(WEBHOOK, content=EVENT), 415)


async def test_while_the_store_is_away_an_event_is_to_be_sent_again(keeper: Keeper) -> None:
    keeper.store.break_down()

    answer = await keeper.post(context={"a": 1})

    problem(answer, 503)
    assert int(answer.headers["retry-after"]) >= 1
    keeper.store.failure = None
    assert (await keeper.post(context={"a": 1})).json()["outcome"] == "persisted"


async def test_a_senders_fault_stays_a_senders_fault_while_the_store_is_away(
    keeper: Keeper, caplog: pytest.LogCaptureFixture
) -> None:
    keeper.store.break_down()

    answer = await keeper.post(ttlSeconds=0)

    assert pointers(answer, 422) == {"/ttlSeconds": "out_of_range"}
    assert "missing in the audit trail" in caplog.text


async def test_what_nobody_foresaw_is_logged_whole_and_shown_as_nothing(
    keeper: Keeper, caplog: pytest.LogCaptureFixture
) -> None:
    keeper.store.failure = RuntimeError("with inner facts")

    answer = await keeper.post(context={"a": 1})

    assert "inner facts" not in problem(answer, 500)["detail"]
    assert "inner facts" in caplog.text


async def test_a_sender_that_breaks_off_is_no_fault_of_ours(
    keeper: Keeper, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    status = await keeper.send_raw(
        "POST",
        WEBHOOK,
        {"type": "http.request", "body": b"{", "more_body": True},
        headers=[(b"content-type", b"application/json"), (b"content-length", b"100")],
    )

    assert status == 400
    assert "went away" in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_refusals_are_warned_of_with_session_and_codes_and_events_only_told_when_debugging(
    keeper: Keeper, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "session_keeper")

    await keeper.post_raw(EVENT)
    keeper.clock.advance(1)
    await keeper.post(context={"secret": "4111-1111" * 1000})
    await keeper.post(ttlSeconds=0, context=["4111-1111"])
    await keeper.post_raw(b'{"sessionId":"s","context":{"4111-1111":1,"4111-1111":1}}')

    told = [
        (record.levelname, getattr(record, "session_id", "none"), getattr(record, "reason", ""))
        for record in caplog.records
    ]
    assert told[0] == ("DEBUG", "s", "")
    assert told[1][:2] == ("WARNING", "s")
    assert "over the limit" in told[1][2]
    assert told[2:] == [("WARNING", "s", "out_of_range, wrong_type"), ("WARNING", None, "duplicate_name")]
    assert "4111" not in "".join(str(vars(record)) for record in caplog.records)


async def test_no_value_of_a_refused_context_is_in_the_answer_or_the_trail(keeper: Keeper) -> None:
    answers = [
        await keeper.post(context={"big": "4111-1111" * 1000}),
        await keeper.post(context=["4111-1111"], eventType=["4111-1111"]),
        await keeper.post_raw(b'{"sessionId":"s","eventType":"x","context":{"a":"4111-1111\\u0000"}}'),
        await keeper.http.get("/sessions/s/audit"),
    ]

    assert [answer.status_code for answer in answers] == [413, 422, 400, 200]
    assert "4111" not in "".join(answer.text for answer in answers)


async def test_the_smaller_budget_of_the_copy_counts_too() -> None:
    limits = {"context_max_bytes": 1000, "context_sync_max_bytes": 1000}
    async with running_keeper(sync_target="messaging-sessions", **limits) as keeper:
        answer = await keeper.post(context={"a": "x" * 900})

    assert problem(answer, 413)["limit"] == 1000
    assert "sync document" in answer.json()["detail"]
