"""Webhooks and reads of sessions: past the router where the path is the exact one, else alike."""

import sys
from collections import Counter
from pathlib import Path
from types import FrameType

import litestar
import pytest

from tests.http.keeper import WEBHOOK, Keeper, pointers, problem, running_keeper

EVENT = b'{"sessionId":"s","eventType":"message","context":{"a":1}}'
JSON = (b"content-type", b"application/json")
FRAMEWORK = str(Path(litestar.__file__).parent)


async def framework_calls(keeper: Keeper, path: str, method: str = "POST") -> int:
    """How many functions of the framework a request calls."""
    calls: Counter[str] = Counter()

    def count(frame: FrameType, happened: str, _: object) -> None:
        if happened == "call" and frame.f_code.co_filename.startswith(FRAMEWORK):
            calls[frame.f_code.co_qualname] += 1

    sys.setprofile(count)
    try:
        status = await keeper.send_raw(
            method, path, {"type": "http.request", "body": EVENT, "more_body": False}, headers=[JSON]
        )
    finally:
        sys.setprofile(None)
    assert status == 200
    return calls.total()


async def test_an_event_passes_by_the_frameworks_router(keeper: Keeper) -> None:
    routed = await framework_calls(keeper, WEBHOOK + "/")
    straight = await framework_calls(keeper, WEBHOOK)

    assert routed > 50
    assert straight <= 3


async def test_a_read_of_a_session_passes_by_the_frameworks_router(keeper: Keeper) -> None:
    await keeper.post(context={"a": 1})

    routed = await framework_calls(keeper, "/sessions/s/", "GET")
    straight = await framework_calls(keeper, "/sessions/s", "GET")

    assert routed > 50
    assert straight <= 3


@pytest.mark.parametrize("etag", ["none", '"x"'])
async def test_a_session_is_read_alike_under_every_spelling_of_its_path(keeper: Keeper, etag: str) -> None:
    await keeper.post(context={"a": 1})
    answers = [
        await keeper.http.get(path, headers={"if-none-match": etag})
        for path in ("/sessions/s", "/sessions/s/", "/sessions//s")
    ]
    known = {"if-none-match": answers[0].headers["etag"]}
    unchanged = [await keeper.http.get(path, headers=known) for path in ("/sessions/s", "/sessions/s/")]

    for group in (answers, unchanged):
        assert len({(answer.status_code, answer.content, str(answer.headers)) for answer in group}) == 1
    assert [answer.status_code for answer in (*answers, *unchanged)] == [200, 200, 200, 304, 304]


@pytest.mark.parametrize("path", [WEBHOOK, WEBHOOK + "/", "/webhook//messaging"])
async def test_every_spelling_of_the_path_gives_the_same_answer(path: str) -> None:
    async with running_keeper(webhook_secret=("s" * 16,), api_keys=("k" * 16,)) as keeper:
        headers = {"authorization": "Bearer " + "k" * 16}
        unknown = await keeper.http.post(path, content=EVENT)
        taken = await keeper.http.post(path, json={"sessionId": "s", "eventType": "x"}, headers=headers)
        wrong = await keeper.http.post(path, json={"sessionId": "s"}, headers=headers)

    problem(unknown, 401)
    assert (taken.status_code, taken.headers["content-type"]) == (200, "application/json")
    assert taken.json()["outcome"] == "persisted"
    assert pointers(wrong, 422) == {"/eventType": "missing"}


async def test_a_body_in_pieces_is_put_together(keeper: Keeper) -> None:
    pieces = [
        {"type": "http.request", "body": EVENT[at : at + 1], "more_body": True} for at in range(len(EVENT))
    ]

    status = await keeper.send_raw("POST", WEBHOOK, *pieces, {"type": "http.request"}, headers=[JSON])

    assert status == 200
    assert await keeper.context() == {"a": 1}


async def test_of_a_header_that_is_sent_twice_the_first_counts(keeper: Keeper) -> None:
    whole = {"type": "http.request", "body": EVENT, "more_body": False}
    plain = (b"content-type", b"text/plain")

    assert await keeper.send_raw("POST", WEBHOOK, whole, headers=[JSON, plain]) == 200
    assert await keeper.send_raw("POST", WEBHOOK, whole, headers=[plain, JSON]) == 415


@pytest.mark.parametrize("host", [b"a/b", b"a b", b"a?b", b"\xff"])
@pytest.mark.parametrize("path", [WEBHOOK, WEBHOOK + "/", "/health/live"])
async def test_a_host_that_is_none_is_refused(keeper: Keeper, path: str, host: bytes) -> None:
    whole = {"type": "http.request", "body": EVENT, "more_body": False}
    method = "GET" if path.startswith("/health") else "POST"

    assert await keeper.send_raw(method, path, whole, headers=[JSON, (b"host", b"localhost:80")]) == 200
    assert await keeper.send_raw(method, path, whole, headers=[JSON, (b"host", host)]) == 400
