"""What an event is answered, and what is then served."""

from uuid import UUID

import pytest

from tests.http.keeper import Keeper, problem, running_keeper

OWN = {
    "persistence": {"persistenceId": "x", "syncStatus": "completed"},
    "sk_persistenceId": "x",
    "sk_syncStatus": "completed",
    "sk_expiresAt": "2026-01-01T13:00:00.000Z",
    "sk_lastSynced": "2026-01-01T12:00:00.000Z",
}


async def test_a_first_event_is_persisted_and_answered_with_one_flat_object(keeper: Keeper) -> None:
    answer = await keeper.post(context={"b": 1, "a": "x"})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert UUID(body.pop("persistenceId"))
    assert body == {
        "sessionId": "s",
        "outcome": "persisted",
        "revision": 1,
        "byteSize": len('{"a":"x","b":1}'),
        "expiresAt": "2026-01-01T13:00:00.000Z",
        "syncStatus": "pending",
    }


async def test_the_sync_status_is_disabled_when_there_is_no_target() -> None:
    async with running_keeper(sync_target="none") as keeper:
        answer = await keeper.post(context={"a": 1})

    assert answer.json()["syncStatus"] == "disabled"


async def test_an_event_that_changes_nothing_raises_no_revision_and_renews_the_time_to_live(
    keeper: Keeper,
) -> None:
    first = (await keeper.post(context={"a": 1})).json()
    keeper.clock.advance(60)

    second = (await keeper.post(context={"a": 1})).json()

    assert second["outcome"] == "unchanged"
    assert (second["revision"], second["persistenceId"]) == (1, first["persistenceId"])
    assert second["expiresAt"] == "2026-01-01T13:01:00.000Z"


async def test_an_older_event_is_superseded_and_renews_the_time_to_live_all_the_same(keeper: Keeper) -> None:
    await keeper.post(context={"a": "new"}, occurredAt="2026-01-01T12:00:00Z")
    keeper.clock.advance(60)

    late = (await keeper.post(context={"a": "old"}, occurredAt="2026-01-01T11:59:00Z")).json()

    assert (late["outcome"], late["revision"]) == ("superseded", 1)
    assert late["expiresAt"] == "2026-01-01T13:01:00.000Z"
    assert await keeper.context() == {"a": "new"}


async def test_every_change_raises_the_revision_and_has_a_persistence_id_of_its_own(keeper: Keeper) -> None:
    answers = []
    for number in range(3):
        answers.append((await keeper.post(context={"n": number})).json())
        keeper.clock.advance(1)

    assert [answer["revision"] for answer in answers] == [1, 2, 3]
    assert len({answer["persistenceId"] for answer in answers}) == 3


async def test_replace_is_the_default_and_keeps_null_as_a_value(keeper: Keeper) -> None:
    await keeper.post(context={"a": 1, "b": 2})
    keeper.clock.advance(1)

    await keeper.post(context={"a": None})

    assert await keeper.context() == {"a": None}


async def test_merge_sets_what_is_given_and_removes_what_is_null(keeper: Keeper) -> None:
    await keeper.post(context={"a": 1, "b": 2, "c": {"deep": None}})
    keeper.clock.advance(1)

    answer = await keeper.post(context={"b": None, "d": 4}, contextMode="merge")

    assert answer.json()["outcome"] == "persisted"
    assert await keeper.context() == {"a": 1, "c": {"deep": None}, "d": 4}


async def test_merging_null_into_what_is_not_there_changes_nothing(keeper: Keeper) -> None:
    await keeper.post(context={"a": 1})
    keeper.clock.advance(1)

    answer = await keeper.post(context={"b": None}, contextMode="merge")

    assert answer.json()["outcome"] == "unchanged"


@pytest.mark.parametrize("absent", [{}, {"context": None}])
async def test_an_event_without_a_context_leaves_it_as_it_is(keeper: Keeper, absent: dict[str, None]) -> None:
    await keeper.post(context={"a": 1})
    keeper.clock.advance(1)

    answer = await keeper.post(**absent)

    assert answer.json()["outcome"] == "unchanged"
    assert await keeper.context() == {"a": 1}


@pytest.mark.parametrize("mode", ["replace", "merge"])
async def test_what_we_wrote_to_genesys_ourselves_is_no_change_when_it_comes_back(
    keeper: Keeper, mode: str
) -> None:
    await keeper.post(context={"a": 1})
    keeper.clock.advance(1)

    echo = await keeper.post(context={"a": 1, **OWN}, contextMode=mode)

    assert echo.json()["outcome"] == "unchanged"
    assert await keeper.context() == {"a": 1}


@pytest.mark.parametrize("event_type", ["session-ended", "session-expired"])
async def test_an_ended_session_is_served_as_ended_until_it_expires(keeper: Keeper, event_type: str) -> None:
    await keeper.post(context={"a": 1}, ttlSeconds=600)
    keeper.clock.advance(1)

    end = await keeper.post(eventType=event_type, context={"b": "is not persisted"})

    assert (end.status_code, end.json()["outcome"]) == (200, "ended")
    assert end.json()["contextIgnored"] is True
    served = (await keeper.http.get("/sessions/s")).json()
    assert (served["context"], served["persistence"]["status"]) == ({"a": 1}, "ended")
    keeper.clock.advance(600)
    problem(await keeper.http.get("/sessions/s"), 404)


async def test_the_end_of_an_unknown_session_is_answered_and_never_served(keeper: Keeper) -> None:
    end = await keeper.post(eventType="session-ended", context={"a": 1})

    assert (end.status_code, end.json()["outcome"], end.json()["byteSize"]) == (200, "ended", 0)
    problem(await keeper.http.get("/sessions/s"), 404)
    assert await keeper.actions() == ["SESSION_ENDED"]


async def test_a_newer_event_starts_an_ended_session_again_without_its_old_variables(keeper: Keeper) -> None:
    await keeper.post(context={"old": 1})
    keeper.clock.advance(1)
    await keeper.post(eventType="session-ended")
    keeper.clock.advance(1)

    again = await keeper.post(context={"new": 1}, contextMode="merge")

    assert again.json()["outcome"] == "persisted"
    served = (await keeper.http.get("/sessions/s")).json()
    assert (served["context"], served["persistence"]["status"]) == ({"new": 1}, "persisted")


async def test_the_context_of_an_end_is_kept_where_the_settings_say_so() -> None:
    async with running_keeper(ending_context="keep") as keeper:
        await keeper.post(context={"a": 1})
        keeper.clock.advance(1)
        end = await keeper.post(eventType="session-ended", context={"b": 2}, contextMode="merge")
        served = (await keeper.http.get("/sessions/s")).json()

    assert (end.status_code, end.json()["outcome"]) == (200, "ended")
    assert "contextIgnored" not in end.json()
    assert (served["context"], served["persistence"]["status"]) == ({"a": 1, "b": 2}, "ended")


async def test_unknown_fields_are_ignored_and_named(keeper: Keeper) -> None:
    answer = await keeper.post(context={"a": 1}, extra={"deep": [None]})

    assert answer.json()["outcome"] == "persisted"
    assert answer.json()["ignoredFields"] == ["extra"]


async def test_the_same_event_sent_twice_is_taken_in_once(keeper: Keeper) -> None:
    event = {"context": {"a": 1}, "occurredAt": "2026-01-01T11:00:00Z"}
    await keeper.post(**event)
    keeper.clock.advance(5)

    again = await keeper.post(**event)

    assert (again.json()["outcome"], again.json()["revision"]) == ("unchanged", 1)
    assert await keeper.actions() == ["SESSION_PERSISTED", "SESSION_UNCHANGED"]


async def test_a_trailing_slash_is_the_same_path(keeper: Keeper) -> None:
    answer = await keeper.http.post("/webhook/messaging/", json={"sessionId": "s", "eventType": "x"})

    assert answer.status_code == 200
