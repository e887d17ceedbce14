"""The OpenAPI document and the page that shows it."""

import json
import re
from typing import Any

import jsonschema_rs
import pytest

from adapters.http.schema_page import SWAGGER_UI
from tests.http.keeper import Keeper, running_keeper

STATUSES = {
    ("/webhook/messaging", "post"): {"200", "400", "401", "413", "415", "422", "503"},
    ("/sessions/{session_id}", "get"): {"200", "304", "401", "404", "503"},
    ("/sessions/{session_id}", "delete"): {"204", "401", "404", "503"},
    ("/sessions/{session_id}/audit", "get"): {"200", "400", "401", "404", "503"},
    ("/health", "get"): {"200"},
    ("/health/live", "get"): {"200"},
    ("/health/ready", "get"): {"200", "503"},
    ("/metrics", "get"): {"200", "401"},
}


async def document_of(keeper: Keeper, **headers: str) -> dict[str, Any]:
    answer = await keeper.http.get("/schema/openapi.json", headers=headers)
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(path, method): item[method] for path, item in document["paths"].items() for method in item}


async def test_the_document_has_every_status_of_every_operation(keeper: Keeper) -> None:
    document = await document_of(keeper)

    found = {place: set(operation["responses"]) for place, operation in operations(document).items()}
    assert found == STATUSES


async def test_every_refusal_is_documented_as_a_problem(keeper: Keeper) -> None:
    document = await document_of(keeper)

    for (path, _), operation in operations(document).items():
        for status, response in operation["responses"].items():
            if int(status) >= 400 and path != "/health/ready":
                assert list(response["content"]) == ["application/problem+json"]
                assert response["content"]["application/problem+json"]["schema"] == {
                    "$ref": "#/components/schemas/ProblemAnswer"
                }


async def test_headers_that_matter_are_documented(keeper: Keeper) -> None:
    found = operations(await document_of(keeper))

    session = found["/sessions/{session_id}", "get"]["responses"]
    assert list(session["200"]["headers"]) == list(session["304"]["headers"]) == ["ETag"]
    assert "content" not in session["304"]
    event = found["/webhook/messaging", "post"]["responses"]
    assert list(event["401"]["headers"]) == ["WWW-Authenticate"]
    assert list(event["503"]["headers"]) == ["Retry-After"]


@pytest.mark.parametrize(
    ("event", "valid"),
    [
        ({"sessionId": "s", "eventType": "x"}, True),
        ({"sessionId": "s", "eventType": "x", "context": {"a": None}, "extra": 1}, True),
        (
            {"sessionId": "s", "eventType": "x", "context": None, "contextMode": None, "occurredAt": None},
            True,
        ),
        ({"sessionId": "s", "eventType": "x", "occurredAt": 1767268800000, "ttlSeconds": 60.0}, True),
        ({"sessionId": "s"}, False),
        ({"sessionId": "a b", "eventType": "x"}, False),
        ({"sessionId": "..", "eventType": "x"}, False),
        ({"sessionId": "...", "eventType": "x", "conversationId": "..a"}, True),
        ({"sessionId": "s", "eventType": "x", "conversationId": ".."}, False),
        ({"sessionId": "s", "eventType": "x", "subjectId": "x" * 256}, False),
        ({"sessionId": "s", "eventType": ""}, False),
        ({"sessionId": "s", "eventType": "x", "context": []}, False),
        ({"sessionId": "s", "eventType": "x", "contextMode": "overwrite"}, False),
        ({"sessionId": "s", "eventType": "x", "occurredAt": -1}, False),
        ({"sessionId": "s", "eventType": "x", "ttlSeconds": 0}, False),
        ({"sessionId": "s", "eventType": "x", "subjectId": ""}, False),
    ],
    ids=str,
)
async def test_the_schema_of_an_event_says_what_the_service_does(
    keeper: Keeper,
    event: dict[str, Any],
    valid: bool,  # noqa: FBT001 - a row of a table
) -> None:
    body = operations(await document_of(keeper))["/webhook/messaging", "post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]

    answer = await keeper.post(event)

    assert jsonschema_rs.is_valid(schema, event) == valid
    assert answer.status_code == (200 if valid else 422)


async def test_the_example_of_an_event_is_one(keeper: Keeper) -> None:
    body = operations(await document_of(keeper))["/webhook/messaging", "post"]["requestBody"]

    answer = await keeper.post(body["content"]["application/json"]["example"])

    assert answer.status_code == 200


async def test_what_is_wanted_of_a_caller_is_documented_as_it_is_set() -> None:
    async with running_keeper() as keeper:
        free = operations(await document_of(keeper))
    async with running_keeper(api_keys=("k",), webhook_secret=("s",)) as keeper:
        document = await document_of(keeper, authorization="Bearer k")
    guarded = operations(document)

    assert not any("security" in operation for operation in free.values())
    assert guarded["/webhook/messaging", "post"]["security"] == [
        {"signature": []},
        {"key": []},
        {"password": []},
    ]
    assert guarded["/sessions/{session_id}", "delete"]["security"] == [{"key": []}, {"password": []}]
    assert "security" not in guarded["/health/ready", "get"]
    assert set(document["components"]["securitySchemes"]) == {"signature", "key", "password"}


@pytest.mark.parametrize("path", ["/schema", "/schema/"])
async def test_the_page_loads_nothing_from_another_host(keeper: Keeper, path: str) -> None:
    page = await keeper.http.get(path)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "//" not in page.text
    sources = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert len(sources) == 4
    for source in sources:
        assert source == "data:," or (await keeper.http.get(source)).status_code == 200


async def test_the_browser_is_told_to_ask_no_other_host(keeper: Keeper) -> None:
    policy = (await keeper.http.get("/schema")).headers["content-security-policy"]

    assert policy.startswith("default-src 'none'; ")
    assert not re.search(r"https?:|\*|unsafe-eval|script-src[^;]*unsafe", policy)


async def test_the_script_of_the_page_asks_no_other_host_to_validate_the_document(keeper: Keeper) -> None:
    script = (await keeper.http.get("/schema/assets/page.js")).text

    assert "validatorUrl: null" in script
    assert 'url: "/schema/openapi.json"' in script
    assert "//" not in script


@pytest.mark.parametrize(
    ("name", "media_type"), [("swagger-ui.css", "text/css"), ("swagger-ui-bundle.js", "text/javascript")]
)
async def test_the_files_of_the_page_are_served_as_they_are(
    keeper: Keeper, name: str, media_type: str
) -> None:
    answer = await keeper.http.get(f"/schema/assets/{name}")

    assert answer.headers["content-type"].startswith(media_type)
    assert answer.content == (SWAGGER_UI / name).read_bytes()


async def test_the_document_is_one_json_text_that_names_no_machine(keeper: Keeper) -> None:
    document = await document_of(keeper)

    assert document["openapi"].startswith("3.1")
    assert not re.search(r"https?://", json.dumps(document))
