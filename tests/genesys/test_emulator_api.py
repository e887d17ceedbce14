"""The emulated calls over real HTTP."""

from typing import Any

import pytest

from adapters.genesys_emulator.settings import EmulatorSettings
from tests.genesys.emulator_server import RunningEmulator, running_emulator

SESSION = "/api/v2/messaging/sessions/s1"
ATTRIBUTES = "/api/v2/conversations/messages/c1/participants/p1/attributes"
GENERIC_ATTRIBUTES = "/api/v2/conversations/c1/participants/p1/attributes"


def assert_error(answer: Any, status: int, code: str) -> None:
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["contextId"] == answer.headers["ININ-Correlation-Id"] != ""
    assert body["message"]
    assert isinstance(body["details"], list)
    assert body["errors"] == []


def test_logging_in_answers_a_bearer_token_and_its_lifetime(emulator: RunningEmulator) -> None:
    answer = emulator.client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=("a", "b"))

    assert answer.status_code == 200
    assert answer.json().keys() == {"access_token", "token_type", "expires_in"}
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("bearer", 86_400)


def test_credentials_may_stand_in_the_form(emulator: RunningEmulator) -> None:
    form = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}

    assert emulator.client.post("/oauth/token", data=form).status_code == 200


@pytest.mark.parametrize(
    "pair", [("client", "wrong"), ("wrong", "secret"), ("client", ""), ("cliént", "secret")]
)
def test_wrong_credentials_are_refused_as_oauth_has_it(pair: tuple[str, str]) -> None:
    with running_emulator(EmulatorSettings(client_id="client", client_secret="secret")) as strict:
        assert strict.log_in("client", "secret")
        answer = strict.client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=pair)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize("header", ["Basic !!!", "Basic /w==", "Bearer x", "Basic YQ==", "Basic"])
def test_a_broken_authorization_header_is_a_wrong_client(emulator: RunningEmulator, header: str) -> None:
    answer = emulator.client.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, headers={"Authorization": header}
    )

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("form", "error"),
    [({"grant_type": "password"}, "unsupported_grant_type"), ({"a": "b"}, "invalid_request")],
)
def test_other_grants_are_refused(emulator: RunningEmulator, form: dict[str, str], error: str) -> None:
    answer = emulator.client.post("/oauth/token", data=form, auth=("a", "b"))

    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_call_without_a_token_is_refused(emulator: RunningEmulator) -> None:
    assert_error(emulator.client.get(SESSION), 401, "authentication.required")
    assert_error(emulator.client.get(SESSION, headers={"Authorization": "Bearer x"}), 401, "bad.credentials")


def test_an_expired_token_is_refused(emulator: RunningEmulator) -> None:
    emulator.client.put("/emulator/settings", json={"tokenSeconds": 60}).raise_for_status()
    token = emulator.log_in()
    assert emulator.client.get(SESSION, headers=token).status_code == 200

    emulator.clock.now += 60

    assert_error(emulator.client.get(SESSION, headers=token), 401, "bad.credentials")


def test_a_token_can_be_described_verified_and_revoked(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    described = emulator.client.get("/api/v2/tokens/me", headers=token)
    assert described.json()["OAuthClient"]["id"] == "client"
    verified = emulator.client.head("/api/v2/tokens/me", headers=token)
    assert (verified.status_code, verified.content) == (200, b"")

    revoked = emulator.client.delete("/api/v2/tokens/me", headers=token)

    assert (revoked.status_code, revoked.content) == (200, b"")
    assert emulator.client.head("/api/v2/tokens/me", headers=token).status_code == 401


def test_every_answer_carries_the_window_and_a_correlation_id(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    first, second = (emulator.client.get(path, headers=token) for path in (SESSION, "/api/v2/nothing"))

    assert [first.headers[f"inin-ratelimit-{name}"] for name in ("count", "allowed", "reset")] == [
        "1",
        "300",
        "60",
    ]
    assert second.headers["inin-ratelimit-count"] == "2"
    assert first.headers["ININ-Correlation-Id"] != second.headers["ININ-Correlation-Id"]


def test_over_the_limit_is_a_429_that_says_when_to_come_back(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    emulator.client.put(
        "/emulator/settings", json={"rateLimit": 2, "rateWindowSeconds": 10}
    ).raise_for_status()
    for _ in range(2):
        assert emulator.client.patch(SESSION, headers=token, json={"context": {}}).status_code == 200
    emulator.clock.now += 3.5

    refused = emulator.client.patch(SESSION, headers=token, json={"context": {}})

    assert_error(refused, 429, "too.many.requests.retry.after")
    assert refused.headers["Retry-After"] == refused.headers["inin-ratelimit-reset"] == "7"
    assert refused.json()["message"] == "Rate limit exceeded the maximum. Retry the request in [7] seconds"
    assert refused.json()["limit"] == {
        "key": "client.credentials.token.rate.per.minute",
        "namespace": "platform.api",
        "value": 2,
    }
    assert len(emulator.writes()) == 2
    assert emulator.client.get(SESSION, headers=emulator.log_in()).status_code == 200, (
        "another token, another window"
    )
    emulator.clock.now += 7
    assert emulator.client.get(SESSION, headers=token).status_code == 200


def test_a_limit_of_0_is_none_and_is_not_spoken_of(emulator: RunningEmulator, token: dict[str, str]) -> None:
    emulator.client.put("/emulator/settings", json={"rateLimit": 0}).raise_for_status()

    answer = emulator.client.get(SESSION, headers=token)

    assert answer.status_code == 200
    assert "inin-ratelimit-allowed" not in answer.headers


def test_attributes_are_merged_by_key_and_all_of_them_answered(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    emulator.client.patch(ATTRIBUTES, headers=token, json={"attributes": {"a": "1", "b": "1"}})
    answer = emulator.client.patch(ATTRIBUTES, headers=token, json={"attributes": {"b": "2", "c": ""}})

    assert answer.status_code == 202
    assert answer.json() == {"attributes": {"a": "1", "b": "2", "c": ""}}
    conversation = emulator.client.get("/api/v2/conversations/messages/c1", headers=token).json()
    assert conversation["participants"] == [
        {
            "id": "p1",
            "purpose": "customer",
            "startTime": "2026-01-01T12:00:00.000Z",
            "connectedTime": "2026-01-01T12:00:00.000Z",
            "attributes": {"a": "1", "b": "2", "c": ""},
        }
    ]


@pytest.mark.parametrize("medium", ["messages", "calls", "callbacks", "emails", "chats", "cobrowsesessions"])
def test_every_medium_has_its_own_path_to_the_same_attributes(
    emulator: RunningEmulator, token: dict[str, str], medium: str
) -> None:
    conversation = f"/api/v2/conversations/{medium}/c1"
    attributes = f"{conversation}/participants/p1/attributes"
    emulator.client.patch(GENERIC_ATTRIBUTES, headers=token, json={"attributes": {"a": "1"}})

    written = emulator.client.patch(attributes, headers=token, json={"attributes": {"b": "2"}})
    read = emulator.client.get(conversation, headers=token)

    assert (written.status_code, written.json()) == (202, {"attributes": {"a": "1", "b": "2"}})
    assert (read.status_code, read.json()["selfUri"]) == (200, conversation)
    assert read.json()["participants"][0]["attributes"] == {"a": "1", "b": "2"}
    assert [one["ids"] for one in emulator.writes()] == [{"conversationId": "c1", "participantId": "p1"}] * 2
    routes = {one["route"] for one in emulator.client.get("/emulator/stats").json()["calls"]}
    assert f"/api/v2/conversations/{medium}/{{conversationId}}" in routes


def test_the_generic_call_writes_the_same_attributes_and_answers_nothing(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    answer = emulator.client.patch(GENERIC_ATTRIBUTES, headers=token, json={"attributes": {"a": "1"}})

    assert (answer.status_code, answer.content) == (202, b"")
    conversation = emulator.client.get("/api/v2/conversations/c1", headers=token).json()
    assert conversation["participants"][0]["attributes"] == {"a": "1"}


def test_a_session_keeps_the_newest_context_whole(emulator: RunningEmulator, token: dict[str, str]) -> None:
    emulator.client.patch(SESSION, headers=token, json={"context": {"a": {"b": [1]}, "old": True}})
    written = emulator.client.patch(SESSION, headers=token, json={"context": {"a": {"c": None}}})

    assert (written.status_code, written.json()["context"], written.json()["version"]) == (
        200,
        {"a": {"c": None}},
        2,
    )
    assert emulator.client.get(SESSION, headers=token).json() == written.json()


def test_a_context_may_have_10240_compact_bytes_and_no_more(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    fits = {"context": {"a": "x" * (10_240 - len('{"a":""}'))}}
    assert emulator.client.patch(SESSION, headers=token, json=fits).status_code == 200

    answer = emulator.client.patch(
        SESSION, headers=token, json={"context": {"a": fits["context"]["a"] + "x"}}
    )

    assert_error(answer, 400, "bad.request")
    assert "10241 bytes" in answer.json()["message"]
    assert emulator.client.get(SESSION, headers=token).json()["context"] == fits["context"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"{",
        b'"\xff"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"attributes":' * 5_000,
        b'{"attributes":null}',
        b'{"attributes":{"a":1}}',
        b'{"attributes":{"a":null}}',
        b'{"attributes":{"a":{}}}',
        b'{"attributes":{"a":"\\ud800"}}',
        b'{"attributes":{"\xff":"1"}}',
        b'{"attributes":{"a":NaN}}',
    ],
)
@pytest.mark.parametrize("path", [ATTRIBUTES, GENERIC_ATTRIBUTES])
def test_a_body_that_is_no_map_of_strings_is_a_bad_request(
    emulator: RunningEmulator, token: dict[str, str], path: str, body: bytes
) -> None:
    headers = {**token, "Content-Type": "application/json"}

    assert_error(emulator.client.patch(path, headers=headers, content=body), 400, "bad.request")
    assert emulator.writes() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"context":[]}',
        b'{"context":' + b'{"a":' * 5_000,
        b'{"context":{"a":"\xff"}}',
        b'{"context":{"a":1e999}}',
    ],
)
def test_a_body_that_has_no_context_is_a_bad_request(
    emulator: RunningEmulator, token: dict[str, str], body: bytes
) -> None:
    headers = {**token, "Content-Type": "application/json"}

    assert_error(emulator.client.patch(SESSION, headers=headers, content=body), 400, "bad.request")
    assert emulator.writes() == []


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"]
)
def test_another_content_type_is_a_415(
    emulator: RunningEmulator, token: dict[str, str], content_type: str | None
) -> None:
    headers = token if content_type is None else {**token, "Content-Type": content_type}

    answer = emulator.client.patch(SESSION, headers=headers, content=b'{"context":{}}')

    assert_error(answer, 415, "unsupported.media.type")


def test_unknown_paths_and_methods_are_errors_in_genesys_words(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    assert_error(emulator.client.get("/api/v2/nothing", headers=token), 404, "not.found")
    assert_error(emulator.client.get("/nothing"), 404, "not.found")
    wrong_method = emulator.client.post(SESSION, headers=token)
    assert_error(wrong_method, 405, "method.not.allowed")
    assert "PATCH" in wrong_method.headers["Allow"]


@pytest.mark.parametrize(
    "path",
    [
        "messages",
        "calls",
        "emails",
        "settings",
        "settings/",
        "participants",
        "faxes/c1",
        "calls/history",
        "calls/maximumconferenceparties",
        "calls/history/participants/p1/attributes",
        "messages/agentless",
        "emails/agentless",
        "messaging/settings",
        "callbacks/bulk",
        "calls/participants/p1/attributes",
        "messages/agentless/participants/p1/attributes",
        "c1/participants/p1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PATCH", "POST"])
def test_a_call_of_genesys_that_is_not_emulated_is_a_404_and_invents_no_conversation(
    emulator: RunningEmulator, token: dict[str, str], method: str, path: str
) -> None:
    answer = emulator.client.request(
        method, f"/api/v2/conversations/{path}", headers=token, json={"attributes": {"a": "1"}}
    )

    assert_error(answer, 404, "not.found")
    assert emulator.client.get("/emulator/state").json()["conversations"] == {}
    calls = emulator.client.get("/emulator/stats").json()["calls"]
    assert ("(unknown)", 404) in {(one["route"], one["status"]) for one in calls}


def test_a_conversation_may_be_named_almost_like_a_call_of_genesys(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    for path in ("calls-1", "Callsign", "messages/settings2", "messages/calls", "calls/agentless"):
        answer = emulator.client.get(f"/api/v2/conversations/{path}", headers=token)
        assert (answer.status_code, answer.json()["id"]) == (200, path.rpartition("/")[2])


def test_a_body_that_is_too_large_is_a_413(emulator: RunningEmulator, token: dict[str, str]) -> None:
    answer = emulator.client.patch(SESSION, headers=token, json={"context": {"a": "x" * 1_100_000}})

    assert_error(answer, 413, "request.entity.too.large")


def test_an_emulator_that_does_not_know_all_answers_404(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    emulator.client.put("/emulator/settings", json={"knowAll": False}).raise_for_status()
    order = {"id": "known", "participants": [{"id": "p1", "attributes": {"a": "1"}}]}
    assert emulator.client.post("/emulator/conversations", json=order).status_code == 201

    for path in (ATTRIBUTES, GENERIC_ATTRIBUTES, ATTRIBUTES.replace("c1", "known").replace("p1", "p2")):
        assert_error(emulator.client.patch(path, headers=token, json={"attributes": {}}), 404, "not.found")
    assert_error(emulator.client.get("/api/v2/conversations/c1", headers=token), 404, "not.found")
    assert_error(emulator.client.patch(SESSION, headers=token, json={"context": {}}), 404, "not.found")
    known = emulator.client.patch(
        ATTRIBUTES.replace("c1", "known"), headers=token, json={"attributes": {"b": "2"}}
    )
    assert known.json() == {"attributes": {"a": "1", "b": "2"}}
    assert len(emulator.writes()) == 1
