"""Reading and erasing sessions, and their audit trail."""

import pytest

from tests.http.keeper import Keeper, pointers, problem

ODD_IDS = ["%00", "%ff", "%ed%a0%80", "%zz", "%20", "a%0Ab", "%F0%9F%98%80", "a" * 129, "a" * 5000]


async def test_a_session_is_served_with_all_that_is_known_of_it(keeper: Keeper) -> None:
    event = (await keeper.post(context={"b": [1.5, None], "a": {"z": 1, "y": "ä"}}, ttlSeconds=60)).json()
    keeper.clock.advance(1)
    await keeper.post()

    answer = await keeper.http.get("/sessions/s")

    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "sessionId": "s",
        "context": {"a": {"y": "ä", "z": 1}, "b": [1.5, None]},
        "persistence": {
            "persistenceId": event["persistenceId"],
            "revision": 1,
            "byteSize": event["byteSize"],
            "createdAt": "2026-01-01T12:00:00.000Z",
            "updatedAt": "2026-01-01T12:00:00.000Z",
            "expiresAt": "2026-01-01T12:01:01.000Z",
            "ttlSeconds": 60,
            "status": "persisted",
            "syncStatus": "pending",
            "lastSynced": None,
        },
    }


async def test_an_unknown_session_is_not_found(keeper: Keeper) -> None:
    assert problem(await keeper.http.get("/sessions/s"), 404)["type"].endswith(":session-not-found")


async def test_a_session_is_gone_from_the_moment_it_expires(keeper: Keeper) -> None:
    await keeper.post(context={"a": 1}, ttlSeconds=60)

    keeper.clock.advance(59.999)
    assert (await keeper.http.get("/sessions/s")).status_code == 200
    keeper.clock.advance(0.001)
    problem(await keeper.http.get("/sessions/s"), 404)


async def test_an_expired_session_begins_anew_with_the_next_event(keeper: Keeper) -> None:
    await keeper.post(context={"old": 1}, ttlSeconds=1)
    keeper.clock.advance(2)

    answer = await keeper.post(context={"new": 1}, contextMode="merge")

    assert (answer.json()["outcome"], answer.json()["revision"]) == ("persisted", 1)
    assert await keeper.context() == {"new": 1}
    assert await keeper.actions() == ["SESSION_PERSISTED", "SESSION_EVICTED", "SESSION_PERSISTED"]


@pytest.mark.parametrize("given", ["{etag}", "W/{etag}", '"x", {etag}', '"x",W/{etag} ,"y"', "*"], ids=str)
async def test_a_session_that_is_as_the_reader_knows_it_is_not_sent_again(keeper: Keeper, given: str) -> None:
    await keeper.post(context={"a": 1})
    etag = (await keeper.http.get("/sessions/s")).headers["etag"]

    answer = await keeper.http.get("/sessions/s", headers={"if-none-match": given.format(etag=etag)})

    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert "content-length" not in answer.headers
    assert "content-type" not in answer.headers


@pytest.mark.parametrize("given", ["", '"x"', "x", ",,", '"'])
async def test_any_other_tag_gets_the_session(keeper: Keeper, given: str) -> None:
    await keeper.post(context={"a": 1})

    answer = await keeper.http.get("/sessions/s", headers={"if-none-match": given})

    assert answer.status_code == 200


async def test_tags_may_come_on_several_lines(keeper: Keeper) -> None:
    await keeper.post(context={"a": 1})
    etag = (await keeper.http.get("/sessions/s")).headers["etag"]

    answer = await keeper.http.get("/sessions/s", headers=[("if-none-match", '"x"'), ("if-none-match", etag)])

    assert answer.status_code == 304


async def test_the_tag_changes_with_context_and_expiry(keeper: Keeper) -> None:
    tags = []
    for context in ({"a": 1}, {"a": 2}, None):
        await keeper.post(context=context)
        tags.append((await keeper.http.get("/sessions/s")).headers["etag"])
        keeper.clock.advance(1)

    assert len(set(tags)) == 3


async def test_an_erased_session_leaves_nothing_but_the_erasure(keeper: Keeper) -> None:
    await keeper.post(context={"a": 1})
    await keeper.post(ttlSeconds=0)
    assert await keeper.actions() == ["SESSION_PERSISTED", "SESSION_PERSISTENCE_FAILURE"]

    answer = await keeper.http.delete("/sessions/s")

    assert (answer.status_code, answer.content) == (204, b"")
    problem(await keeper.http.get("/sessions/s"), 404)
    assert await keeper.actions() == ["SESSION_ERASED"]


@pytest.mark.parametrize("session_id", ["unknown", *ODD_IDS])
async def test_erasing_what_is_not_known_is_done_as_well(keeper: Keeper, session_id: str) -> None:
    assert (await keeper.http.delete(f"/sessions/{session_id}")).status_code == 204


async def test_older_events_do_not_bring_an_erased_session_back_or_leave_a_trail(keeper: Keeper) -> None:
    await keeper.post(context={"a": 1})
    keeper.clock.advance(10)
    await keeper.http.delete("/sessions/s")
    keeper.clock.advance(1)

    late = await keeper.post(context={"a": 2}, occurredAt="2026-01-01T12:00:09Z", ttlSeconds=86_400)
    end = await keeper.post(eventType="session-ended", occurredAt="2026-01-01T12:00:09Z")

    assert (late.status_code, late.json()["outcome"]) == (200, "superseded")
    assert (end.status_code, end.json()["outcome"]) == (200, "superseded")
    problem(await keeper.http.get("/sessions/s"), 404)
    assert await keeper.actions() == ["SESSION_ERASED"]


async def test_a_newer_event_starts_an_erased_session_from_nothing(keeper: Keeper) -> None:
    await keeper.post(context={"a": 1})
    await keeper.http.delete("/sessions/s")
    keeper.clock.advance(1)

    answer = await keeper.post(context={"b": 2}, contextMode="merge")

    assert (answer.json()["outcome"], answer.json()["revision"]) == ("persisted", 1)
    assert await keeper.context() == {"b": 2}


async def test_the_trail_tells_what_was_decided_without_any_value(keeper: Keeper) -> None:
    event = (await keeper.post(context={"a": "4111-1111"})).json()

    answer = await keeper.http.get("/sessions/s/audit")

    assert answer.json() == {
        "sessionId": "s",
        "entries": [
            {
                "action": "SESSION_PERSISTED",
                "sessionId": "s",
                "persistenceId": event["persistenceId"],
                "revision": 1,
                "time": "2026-01-01T12:00:00.000Z",
                "status": "SUCCESS",
                "reason": None,
            }
        ],
        "next": None,
    }


async def test_the_trail_comes_in_pages_oldest_first(keeper: Keeper) -> None:
    for number in range(7):
        await keeper.post(context={"n": number})
        await keeper.post(sessionId="another", context={"n": number})
        keeper.clock.advance(1)

    revisions, query = [], {"limit": "3"}
    while query:
        page = (await keeper.http.get("/sessions/s/audit", params=query)).json()
        revisions.append([entry["revision"] for entry in page["entries"]])
        query = {"limit": "3", "after": page["next"]} if page["next"] else {}

    assert revisions == [[1, 2, 3], [4, 5, 6], [7]]


async def test_the_trail_outlives_its_session(keeper: Keeper) -> None:
    await keeper.post(context={"a": 1}, ttlSeconds=1)
    keeper.clock.advance(2)

    assert await keeper.actions() == ["SESSION_PERSISTED"]


@pytest.mark.parametrize("session_id", ["unknown", *ODD_IDS])
async def test_the_trail_of_what_is_not_known_is_empty(keeper: Keeper, session_id: str) -> None:
    answer = await keeper.http.get(f"/sessions/{session_id}/audit")

    assert (answer.status_code, answer.json()["entries"]) == (200, [])


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("after=-1", {"/after"}),
        ("after=x&limit=0", {"/limit"}),
        ("limit=1001", {"/limit"}),
        ("limit=", {"/limit"}),
        ("after", {"/after"}),
        ("after=1.5", {"/after"}),
        ("after=true", {"/after"}),
        ("after=0", {"/after"}),
        ("after=", {"/after"}),
        ("after=AAAAAA", {"/after"}),
        ("after=" + "9" * 5000, {"/after"}),
        ("after=%D9%A1", {"/after"}),
        ("after=%ff", {"/after"}),
        ("after=%00", {"/after"}),
    ],
)
async def test_every_wrong_query_parameter_is_named(keeper: Keeper, query: str, wrong: set[str]) -> None:
    answer = await keeper.http.get(f"/sessions/s/audit?{query}")

    assert set(pointers(answer, 400)) == wrong


async def test_a_query_of_raw_bytes_that_are_no_text_is_refused(keeper: Keeper) -> None:
    for query, status in ((b"after=\xff", 400), (b"\xff=1", 400), (b"after=1", 400), (b"aft=1", 200)):
        assert await keeper.send_raw("GET", "/sessions/s/audit", query=query) == status


@pytest.mark.parametrize("query", ["junk=%ff%00", "%ff=1&&&==", "limit=1&limit=2", "?", "a[]=1;b"])
async def test_junk_in_a_query_is_ignored(keeper: Keeper, query: str) -> None:
    assert (await keeper.http.get(f"/sessions/s/audit?{query}")).status_code == 200


@pytest.mark.parametrize("session_id", [*ODD_IDS, "a%2Fb", "..%2f..%2fetc"])
async def test_what_can_be_no_session_id_is_not_found(keeper: Keeper, session_id: str) -> None:
    problem(await keeper.http.get(f"/sessions/{session_id}"), 404)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/sessions/s"), ("DELETE", "/sessions/s"), ("GET", "/sessions/s/audit")]
)
async def test_while_the_store_is_away_the_caller_is_to_try_again(
    keeper: Keeper, method: str, path: str
) -> None:
    keeper.store.break_down()

    answer = await keeper.http.request(method, path)

    problem(answer, 503)
    assert int(answer.headers["retry-after"]) >= 1
