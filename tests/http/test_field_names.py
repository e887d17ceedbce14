"""Fields that nobody knows: a misspelt one is refused, any other is named, none is passed over in silence.

A misspelt `contextMode: merge` would be a replace, which wipes what the session knows.
"""

import pytest

from adapters.event_json.field_names import likely_name
from tests.http.keeper import Keeper, pointers, problem

KNOWN = ("sessionId", "context", "contextMode", "ttlSeconds")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("contextmode", "contextMode"),
        ("ContextMode", "contextMode"),
        ("context_mode", "contextMode"),
        ("context-mode", "contextMode"),
        ("CONTEXT_MODE", "contextMode"),
        ("contextMod", "contextMode"),
        ("contextModes", "contextMode"),
        ("contextMose", "contextMode"),
        ("contextMdoe", "contextMode"),
        ("contxt", "context"),
        ("_context", "context"),
        ("ttl_second", "ttlSeconds"),
        ("session_id", "sessionId"),
    ],
)
def test_a_name_that_differs_by_case_a_line_or_one_letter_is_likely_that_name(given: str, meant: str) -> None:
    assert likely_name(given, KNOWN) == meant


@pytest.mark.parametrize("given", ["", "mode", "contx", "contextualMode", "ttl", "sessions", "é", "x" * 300])
def test_any_other_name_is_one_of_its_own(given: str) -> None:
    assert likely_name(given, KNOWN) is None


async def test_a_misspelt_mode_is_refused_and_wipes_nothing(keeper: Keeper) -> None:
    await keeper.post(context={"tier": "gold"})

    answer = await keeper.post(context={"step": 1}, contextmode="merge")

    assert pointers(answer, 422) == {"/contextmode": "misspelt_field"}
    assert "did you mean contextMode?" in problem(answer, 422)["violations"][0]["detail"]
    assert await keeper.context() == {"tier": "gold"}
    assert await keeper.actions() == ["SESSION_PERSISTED", "SESSION_PERSISTENCE_FAILURE"]


async def test_every_misspelt_field_is_named_beside_what_else_is_wrong(keeper: Keeper) -> None:
    body = {"session_id": "s", "eventType": "", "contxt": None, "context~/mode": 1, "TTLSECONDS": 60}

    answer = await keeper.post(body)

    assert pointers(answer, 422) == {
        "/sessionId": "missing",
        "/eventType": "wrong_form",
        "/session_id": "misspelt_field",
        "/contxt": "misspelt_field",
        "/TTLSECONDS": "misspelt_field",
    }


async def test_a_hundred_misspelt_fields_are_not_answered_without_an_end(keeper: Keeper) -> None:
    answer = await keeper.post(**{f"context{chr(0x100 + number)}": 1 for number in range(500)})

    assert len(problem(answer, 422)["violations"]) == 8


async def test_other_unknown_fields_are_named_in_the_answer(keeper: Keeper) -> None:
    answer = await keeper.post(context={"a": 1}, channel="web", **{"x-trace": {"id": 1}})
    keeper.clock.advance(1)
    plain = await keeper.post(context={"a": 2})

    assert answer.json()["outcome"] == "persisted"
    assert answer.json()["ignoredFields"] == ["channel", "x-trace"]
    assert "ignoredFields" not in plain.json()
    assert await keeper.context() == {"a": 2}


async def test_no_more_than_eight_ignored_fields_are_named(keeper: Keeper) -> None:
    answer = await keeper.post(**{f"unknown-{number:03}": 1 for number in range(500)})

    assert answer.json()["ignoredFields"] == [f"unknown-{number:03}" for number in range(8)]


@pytest.mark.parametrize(
    ("event_type", "meant"),
    [
        ("session_ended", "session-ended"),
        ("sessionEnded", "session-ended"),
        ("SESSION-ENDED", "session-ended"),
        ("session-ended ", "session-ended"),
        ("session-expire", "session-expired"),
        ("session.expired", "session-expired"),
    ],
)
async def test_an_event_type_that_almost_ends_a_session_is_activity_and_says_so(
    keeper: Keeper, event_type: str, meant: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await keeper.post(context={"a": 1}, eventType=event_type)

    assert answer.json()["outcome"] == "persisted"
    assert answer.json()["hints"] == [
        f"eventType {event_type!r} is activity and ends nothing; did you mean {meant}?"
    ]
    assert f"did you mean {meant}?" in caplog.records[-1].reason  # type: ignore[attr-defined]


@pytest.mark.parametrize("event_type", ["session-ended", "session-expired", "message", "session-started"])
async def test_other_event_types_need_no_hint(keeper: Keeper, event_type: str) -> None:
    answer = await keeper.post(context={"a": 1}, eventType=event_type)

    assert "hints" not in answer.json()
