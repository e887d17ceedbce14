"""The fields of an event: what each may hold, and that every one that is wrong is named."""

from typing import Any

import pytest

from adapters.event_json.event_body import command_of
from domain.instants import to_text
from domain.session.ttl_policy import TtlPolicy
from tests.http.keeper import Keeper, pointers, problem, running_keeper

TOO_LONG = "x" * 257
LONGEST = {"conversationId": 256, "participantId": 256, "subjectId": 255}


async def test_every_wrong_field_is_named_at_once_with_its_pointer(keeper: Keeper) -> None:
    answer = await keeper.post(
        {
            "sessionId": "a b",
            "eventType": True,
            "context": [],
            "contextMode": "overwrite",
            "occurredAt": "yesterday",
            "ttlSeconds": "60",
            "conversationId": "",
            "participantId": TOO_LONG,
            "subjectId": 7,
        }
    )

    assert pointers(answer, 422) == {
        "/sessionId": "wrong_form",
        "/eventType": "wrong_form",
        "/context": "wrong_type",
        "/contextMode": "wrong_value",
        "/occurredAt": "wrong_form",
        "/ttlSeconds": "out_of_range",
        "/conversationId": "wrong_form",
        "/participantId": "wrong_form",
        "/subjectId": "wrong_form",
    }


@pytest.mark.parametrize("body", [{}, {"sessionId": None, "eventType": None}])
async def test_both_required_fields_are_missing(keeper: Keeper, body: dict[str, None]) -> None:
    answer = await keeper.post(body)

    assert pointers(answer, 422) == {"/sessionId": "missing", "/eventType": "missing"}


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"1", b"true"])
async def test_a_body_that_is_no_object_is_refused(keeper: Keeper, body: bytes) -> None:
    answer = await keeper.post_raw(body)

    assert pointers(answer, 422) == {"": "wrong_type"}


@pytest.mark.parametrize(
    "session_id",
    [".", "..", "", "a" * 129, "a/b", "a b", "ä", "a\n", "\u0660", 1, True, ["s"], {"s": 1}],
    ids=repr,
)
async def test_what_is_no_session_id_is_refused(keeper: Keeper, session_id: Any) -> None:
    answer = await keeper.post({"sessionId": session_id, "eventType": "message"})

    assert pointers(answer, 422) == {"/sessionId": "wrong_form"}


@pytest.mark.parametrize("session_id", ["a", "A" * 128, "0.9_-:", "..."])
async def test_what_is_a_session_id_is_taken_in_and_served(keeper: Keeper, session_id: str) -> None:
    answer = await keeper.post(sessionId=session_id, context={})

    assert answer.json()["sessionId"] == session_id
    assert await keeper.context(session_id) == {}


@pytest.mark.parametrize("event_type", ["", "x" * 129, 0, False, []], ids=repr)
async def test_what_is_no_event_type_is_refused(keeper: Keeper, event_type: Any) -> None:
    assert pointers(await keeper.post(eventType=event_type), 422) == {"/eventType": "wrong_form"}


@pytest.mark.parametrize("event_type", ["x", "é" * 128, "SESSION-ENDED", "session-ended "])
async def test_any_other_name_is_activity(keeper: Keeper, event_type: str) -> None:
    answer = await keeper.post(eventType=event_type, context={"a": 1})

    assert answer.json()["outcome"] == "persisted"


@pytest.mark.parametrize(
    ("occurred_at", "moment"),
    [
        ("2026-01-01T11:00:00Z", "2026-01-01T11:00:00.000Z"),
        ("2026-01-01t11:00:00z", "2026-01-01T11:00:00.000Z"),
        ("2026-01-01T12:30:00+01:30", "2026-01-01T11:00:00.000Z"),
        ("2025-12-31T23:00:00-12:00", "2026-01-01T11:00:00.000Z"),
        ("2026-01-01T11:00:00.1234567Z", "2026-01-01T11:00:00.123Z"),
        (1767265200000, "2026-01-01T11:00:00.000Z"),
        (1767265200000.5, "2026-01-01T11:00:00.000Z"),
        (1.7672652e12, "2026-01-01T11:00:00.000Z"),
        (0, "1970-01-01T00:00:00.000Z"),
        (-0.0, "1970-01-01T00:00:00.000Z"),
        ("1969-12-31T23:30:00-00:30", "1970-01-01T00:00:00.000Z"),
    ],
)
def test_the_time_of_an_event_has_many_spellings(occurred_at: str | float, moment: str) -> None:
    body = {"sessionId": "s", "eventType": "message", "occurredAt": occurred_at}

    command = command_of(body, TtlPolicy())

    assert command.occurred_at is not None
    assert to_text(command.occurred_at) == moment


@pytest.mark.parametrize(
    "occurred_at",
    [
        "",
        "2026-01-01",
        "2026-01-01T12:00:00",
        "2026-01-01T12:00Z",
        "2026-02-30T12:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T12:00:00+24:00",
        "2026-01-01T12:00:00.Z",
        "1767268800000",
        "\uff11\uff19\uff17\uff10-01-01T00:00:00Z",
        "1970-01-01T00:00:00+00:01",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:59.9999999Z",
        -1,
        -0.001,
        253_402_300_800_000,
        9_007_199_254_740_991,
        9.007199254740991e15,
        True,
        False,
        [],
        {},
    ],
    ids=repr,
)
async def test_what_is_no_moment_from_1970_to_9999_is_refused(keeper: Keeper, occurred_at: Any) -> None:
    assert pointers(await keeper.post(occurredAt=occurred_at), 422) == {"/occurredAt": "wrong_form"}


@pytest.mark.parametrize("occurred_at", [253_402_300_799_999, "9999-12-31T23:59:59.999999Z"])
async def test_a_time_far_ahead_is_clamped_so_that_later_events_still_count(
    keeper: Keeper, occurred_at: str | int
) -> None:
    await keeper.post(context={"a": "from the future"}, occurredAt=occurred_at)
    keeper.clock.advance(301)

    await keeper.post(context={"a": "from now"})

    assert await keeper.context() == {"a": "from now"}
    assert "clamped to 2026-01-01T12:05:00.000Z" in (await keeper.trail())[0]["reason"]


@pytest.mark.parametrize("ttl_seconds", [1, 2_592_000, 60.0, None])
async def test_a_time_to_live_within_the_bounds_is_kept(keeper: Keeper, ttl_seconds: float | None) -> None:
    await keeper.post(context={}, ttlSeconds=ttl_seconds)

    persistence = (await keeper.http.get("/sessions/s")).json()["persistence"]
    assert persistence["ttlSeconds"] == (3600 if ttl_seconds is None else ttl_seconds)
    assert isinstance(persistence["ttlSeconds"], int)


@pytest.mark.parametrize(
    "ttl_seconds", [0, -1, 2_592_001, 9_007_199_254_740_991, 1.5, "60", True, [], 1e15], ids=repr
)
async def test_a_time_to_live_out_of_bounds_is_refused(keeper: Keeper, ttl_seconds: Any) -> None:
    answer = await keeper.post(ttlSeconds=ttl_seconds)

    assert pointers(answer, 422) == {"/ttlSeconds": "out_of_range"}
    assert "from 1 to 2592000" in problem(answer, 422)["violations"][0]["detail"]


async def test_the_bounds_of_the_time_to_live_are_settings() -> None:
    async with running_keeper(ttl_min_seconds=10, ttl_default_seconds=20, ttl_max_seconds=30) as keeper:
        refused = [(await keeper.post(ttlSeconds=seconds)).status_code for seconds in (9, 10, 30, 31)]

    assert refused == [422, 200, 200, 422]


@pytest.mark.parametrize("name", LONGEST)
@pytest.mark.parametrize("value", ["x", "é", "longest", "a/b?c#d", " ", "...", None])
async def test_other_ids_are_any_printable_text_up_to_their_length(
    keeper: Keeper, name: str, value: str | None
) -> None:
    text = "é" * LONGEST[name] if value == "longest" else value

    assert (await keeper.post(**{name: text})).status_code == 200


@pytest.mark.parametrize("name", LONGEST)
@pytest.mark.parametrize("value", ["", "a\nb", "\x7f", "\u202e", "too long", 1, True, [], {}], ids=repr)
async def test_an_id_that_is_too_long_or_cannot_be_printed_is_refused(
    keeper: Keeper, name: str, value: object
) -> None:
    text = "x" * (LONGEST[name] + 1) if value == "too long" else value

    assert pointers(await keeper.post(**{name: text}), 422) == {f"/{name}": "wrong_form"}


@pytest.mark.parametrize("name", ["conversationId", "participantId"])
@pytest.mark.parametrize("value", [".", "..", "../x", "a/./b", "a\\..", "/.."])
async def test_what_would_lead_to_another_path_of_genesys_is_refused(
    keeper: Keeper, name: str, value: str
) -> None:
    assert pointers(await keeper.post(**{name: value}), 422) == {f"/{name}": "wrong_form"}
    assert (await keeper.post(subjectId=value)).status_code == 200


async def test_too_many_variables_are_refused() -> None:
    async with running_keeper(context_variables_max=2) as keeper:
        answer = await keeper.post(context={"a": 1, "b": 2, "c": 3})

        assert pointers(answer, 422) == {"/context": "too_many_variables"}
        assert await keeper.actions() == ["SESSION_PERSISTENCE_FAILURE"]


async def test_a_depth_that_the_settings_allow_never_breaks_the_service() -> None:
    async with running_keeper(json_max_depth=2000) as keeper:
        statuses = set()
        for depth in range(900, 1020):
            context = b'{"a":' * depth + b"1" + b"}" * depth
            answer = await keeper.post_raw(
                b'{"sessionId":"s","eventType":"message","context":' + context + b"}"
            )
            statuses.add(answer.status_code)

    assert statuses <= {200, 400, 422}
