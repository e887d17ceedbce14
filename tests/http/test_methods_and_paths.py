"""HEAD, OPTIONS, and what is no method or no path of this service."""

import pytest

from tests.http.keeper import WEBHOOK, Keeper, problem

METHODS = {
    WEBHOOK: "OPTIONS, POST",
    "/sessions/s": "DELETE, GET, HEAD, OPTIONS",
    "/sessions/s/audit": "GET, HEAD, OPTIONS",
    "/health": "GET, HEAD, OPTIONS",
    "/health/live": "GET, HEAD, OPTIONS",
    "/health/ready": "GET, HEAD, OPTIONS",
    "/metrics": "GET, HEAD, OPTIONS",
    "/": "GET, HEAD, OPTIONS",
}


@pytest.mark.parametrize("path", [path for path, methods in METHODS.items() if "HEAD" in methods])
async def test_head_is_get_without_the_body(keeper: Keeper, path: str) -> None:
    await keeper.post(context={"a": 1})

    got, head = await keeper.http.get(path), await keeper.http.head(path)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.headers.get("etag") == got.headers.get("etag")


async def test_head_of_what_is_not_there_has_no_body_either(keeper: Keeper) -> None:
    answer = await keeper.http.head("/sessions/unknown")

    assert (answer.status_code, answer.content) == (404, b"")


async def test_head_knows_tags_as_get_does(keeper: Keeper) -> None:
    await keeper.post(context={"a": 1})
    etag = (await keeper.http.head("/sessions/s")).headers["etag"]

    answer = await keeper.http.head("/sessions/s", headers={"if-none-match": etag})

    assert answer.status_code == 304


@pytest.mark.parametrize("path", METHODS)
async def test_options_names_every_method_of_a_path(keeper: Keeper, path: str) -> None:
    answer = await keeper.http.options(path)

    assert (answer.status_code, answer.headers["allow"]) == (204, METHODS[path])


@pytest.mark.parametrize("path", METHODS)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "CONNECT", "BREW", "get"])
async def test_any_other_method_is_refused_with_those_there_are(
    keeper: Keeper, path: str, method: str
) -> None:
    request = keeper.http.build_request(method, path)
    request.method = method

    answer = await keeper.http.send(request)

    problem(answer, 405)
    assert set(answer.headers["allow"].split(", ")) == set(METHODS[path].split(", "))


async def test_the_webhook_is_only_posted_to(keeper: Keeper) -> None:
    for method in ("GET", "DELETE"):
        answer = await keeper.http.request(method, WEBHOOK)

        assert problem(answer, 405)["title"] == "Method Not Allowed"


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/webhook",
        "/webhook/messaging/more",
        "/sessions",
        "/sessions/",
        "/sessions/a/b",
        "/sessions/s/audit/1",
        "/health/nope",
        "/schema/nope",
        "/schema/nope.json",
        "/schema/assets",
        "/schema/assets/nope",
        "/schema/assets/%00",
        "/schema/assets/" + "a" * 5000,
        "/schema/assets/..%2f..%2fapp.py",
        "/schema/assets/%2e%2e/app.py",
        "/schema/assets/README.md",
        "/%00",
        "/%ff",
        "/*",
    ],
)
async def test_an_unknown_path_is_a_problem_like_any_other(keeper: Keeper, path: str) -> None:
    problem(await keeper.http.get(path), 404)
