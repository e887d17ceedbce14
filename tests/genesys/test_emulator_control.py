"""The control API, and the faults it orders, over real HTTP."""

import html
import logging
import re
import socket
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from adapters.genesys_emulator.app import create_emulator
from adapters.genesys_emulator.fault_text import fault_from_text
from adapters.genesys_emulator.settings import EmulatorSettings
from tests.genesys.emulator_server import RunningEmulator, running_emulator

CLOSED = (httpx.RemoteProtocolError, httpx.ReadError)
"""How a client sees a connection that was closed, or reset, in the place of an answer."""

SESSION = "/api/v2/messaging/sessions/s1"
ATTRIBUTES = "/api/v2/conversations/messages/c1/participants/p1/attributes"


@pytest.fixture(scope="module", params=["httptools", "h11"])
def shared_emulator(request: pytest.FixtureRequest) -> Iterator[RunningEmulator]:
    with running_emulator(http=request.param) as running:
        yield running


def write(emulator: RunningEmulator, token: dict[str, str], number: int = 1) -> httpx.Response:
    return emulator.client.patch(SESSION, headers=token, json={"context": {"n": number}})


def raw_answer(emulator: RunningEmulator, request: bytes) -> bytes:
    """Every byte the emulator sends until it closes the connection."""
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=5) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
        return answer


def raw_write(token: dict[str, str]) -> bytes:
    body = b'{"context":{"n":1}}'
    head = (
        f"PATCH {SESSION} HTTP/1.1\r\nHost: x\r\nAuthorization: {token['Authorization']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def test_the_front_page_lists_the_control_calls(emulator: RunningEmulator) -> None:
    page = emulator.client.get("/")

    assert page.headers["content-type"].startswith("text/plain")
    for path in ("writes", "state", "stats", "faults", "settings", "conversations", "reset"):
        assert f"/emulator/{path}" in page.text


def test_the_front_page_says_how_to_point_the_official_sdks_at_it(emulator: RunningEmulator) -> None:
    text = emulator.client.get("/").text

    assert f'client.set_gateway("127.0.0.1", "http", {emulator.port}, "", "")' in text
    assert f'client.setGateway({{ host: "127.0.0.1", protocol: "http", port: {emulator.port} }});' in text
    assert f"SESSION_KEEPER_GENESYS_LOGIN_URL={emulator.url}\n" in text
    assert "@" not in text


def test_a_browser_gets_the_front_page_as_html(emulator: RunningEmulator) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    page = emulator.client.get("/", headers=browser)

    assert page.headers["content-type"].startswith("text/html")
    (text,) = re.findall(r"<pre>\n(.*)</pre>", page.text, re.DOTALL)
    assert html.unescape(text) == emulator.client.get("/").text


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("genesys.test:3001", '"genesys.test", "http", 3001,'),
        ("genesys.test", '"genesys.test", "http", 80,'),
        ("[::1]:3001", '"[::1]", "http", 3001,'),
        ("genesys.test:port", '"127.0.0.1", "http", PORT,'),
    ],
)
def test_the_front_page_shows_the_address_that_the_reader_came_by(
    emulator: RunningEmulator, token: dict[str, str], host: str, shown: str
) -> None:
    read = emulator.client.get("/api/v2/conversations/c1", headers=token | {"Host": host})
    page = emulator.client.get("/", headers={"Host": host, "Accept": "text/html"})

    assert (read.status_code, page.status_code) == (200, 200)
    assert f"client.set_gateway({shown.replace('PORT', str(emulator.port))}" in page.text


def test_accepted_writes_are_listed_in_order_and_from_a_number_on(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    write(emulator, token)
    emulator.client.patch(ATTRIBUTES, headers=token, json={"attributes": {"a": "1"}})

    assert emulator.writes() == [
        {
            "sequence": 1,
            "time": "2026-01-01T12:00:00.000Z",
            "kind": "messaging-session",
            "ids": {"sessionId": "s1"},
            "document": {"n": 1},
        },
        {
            "sequence": 2,
            "time": "2026-01-01T12:00:00.000Z",
            "kind": "participant-attributes",
            "ids": {"conversationId": "c1", "participantId": "p1"},
            "document": {"a": "1"},
        },
    ]
    assert [one["sequence"] for one in emulator.writes(since=1)] == [2]


def test_the_state_has_the_newest_documents(emulator: RunningEmulator, token: dict[str, str]) -> None:
    write(emulator, token, 1)
    write(emulator, token, 2)
    emulator.client.patch(ATTRIBUTES, headers=token, json={"attributes": {"a": "1"}})

    state = emulator.client.get("/emulator/state").json()

    assert state["sessions"]["s1"]["context"] == {"n": 2}
    assert state["conversations"]["c1"]["participants"][0]["attributes"] == {"a": "1"}


def test_the_statistics_count_calls_by_route_and_status(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    emulator.faults("429:1x", "close:1x")
    with pytest.raises(CLOSED):
        write(emulator, token)
    write(emulator, token)
    write(emulator, token)

    statistics = emulator.client.get("/emulator/stats").json()

    route = "/api/v2/messaging/sessions/{sessionId}"
    patches = {one["status"]: one["count"] for one in statistics["calls"] if one["route"] == route}
    assert patches == {0: 1, 429: 1, 200: 1}
    assert (statistics["tooManyRequests"], statistics["tokensIssued"], statistics["writes"]) == (1, 1, 1)
    assert statistics["faults"] == {"429": 1, "close": 1}
    (window,) = statistics["windows"]
    assert (window["clientId"], window["count"], window["allowed"]) == ("client", 2, 300)
    assert token["Authorization"].removeprefix("Bearer ") not in str(statistics)


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "500", "502", "503", "504"])
def test_a_status_on_demand_is_answered_in_genesys_words_and_writes_nothing(
    emulator: RunningEmulator, token: dict[str, str], status: str
) -> None:
    emulator.faults(f"{status}:1x@PATCH")

    answer = write(emulator, token)

    assert (answer.status_code, answer.json()["status"]) == (int(status), int(status))
    assert answer.json()["contextId"] == answer.headers["ININ-Correlation-Id"]
    assert "inin-ratelimit-count" in answer.headers
    assert emulator.writes() == []
    assert write(emulator, token).status_code == 200


def test_a_429_on_demand_has_the_retry_after_that_was_ordered(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    emulator.faults(
        "429=none:1x", "429=7:1x", "429=date+7:1x", {"kind": "429", "calls": 1, "retryAfter": "soon"}
    )

    answers = [write(emulator, token) for _ in range(4)]

    assert {answer.status_code for answer in answers} == {429}
    assert "Retry-After" not in answers[0].headers
    assert answers[1].headers["Retry-After"] == "7"
    assert answers[1].json()["message"].endswith("in [7] seconds")
    date = parsedate_to_datetime(answers[2].headers["Retry-After"])
    assert date.timestamp() == emulator.clock.now + 7
    assert answers[3].headers["Retry-After"] == "soon"


@pytest.mark.parametrize(("rate_limit", "allowed"), [(40, 40), (0, 300)])
def test_a_429_on_demand_is_as_genesys_sends_it(
    emulator: RunningEmulator, token: dict[str, str], rate_limit: int, allowed: int
) -> None:
    emulator.client.put("/emulator/settings", json={"rateLimit": rate_limit}).raise_for_status()
    emulator.faults("429:1x", "503:1x")

    answer = write(emulator, token)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.json() == {
        "message": "Rate limit exceeded the maximum. Retry the request in [1] seconds",
        "code": "too.many.requests.retry.after",
        "status": 429,
        "contextId": answer.headers["ININ-Correlation-Id"],
        "messageParams": {},
        "details": [],
        "errors": [],
        "limit": {
            "key": "client.credentials.token.rate.per.minute",
            "namespace": "platform.api",
            "value": allowed,
        },
    }
    assert "Retry-After" not in write(emulator, token).headers


def test_a_fault_can_strike_the_login_call(emulator: RunningEmulator) -> None:
    emulator.faults("503:1x@/oauth/token")

    with pytest.raises(httpx.HTTPStatusError, match="503"):
        emulator.log_in()
    assert emulator.log_in()


@pytest.mark.parametrize(("kind", "writes"), [("close", 0), ("away", 0), ("close-after", 1)])
def test_the_connection_is_closed_without_a_single_byte(
    emulator: RunningEmulator, token: dict[str, str], kind: str, writes: int, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.faults(f"{kind}:1x")

    with caplog.at_level(logging.WARNING):
        assert raw_answer(emulator, raw_write(token)) == b""

    assert len(emulator.writes()) == writes
    assert caplog.records == []
    assert write(emulator, token).status_code == 200


def test_a_service_that_is_away_refuses_every_path_but_the_control(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    emulator.faults("away:30s")

    for call in (
        lambda: write(emulator, token),
        emulator.log_in,
        lambda: emulator.client.get("/api/v2/nothing"),
    ):
        with pytest.raises(CLOSED):
            call()
    assert emulator.client.get("/emulator/faults").json()["faults"][0]["fired"] == 3
    emulator.clock.now += 30
    assert write(emulator, token).status_code == 200


def test_a_call_that_hangs_answers_late(emulator: RunningEmulator, token: dict[str, str]) -> None:
    emulator.faults("hang=0.3:1x")

    answer = write(emulator, token)

    assert answer.elapsed.total_seconds() >= 0.3
    assert answer.status_code == 200


def test_a_client_that_gave_up_on_a_hanging_call_has_written_nothing(
    emulator: RunningEmulator, token: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    emulator.faults("hang=1:1x")

    with caplog.at_level(logging.WARNING), pytest.raises(httpx.ReadTimeout):
        emulator.client.patch(SESSION, headers=token, json={"context": {}}, timeout=0.05)

    emulator.faults("hang=1.3:1x@/tokens/me")
    emulator.client.get("/api/v2/tokens/me", headers=token)
    assert emulator.writes() == []
    assert caplog.records == []


def test_latency_delays_the_emulated_calls_and_not_the_control(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    emulator.client.put("/emulator/settings", json={"latencySeconds": 3600}).raise_for_status()

    assert emulator.client.get("/emulator/settings").json()["latencySeconds"] == 3600
    emulator.client.put("/emulator/settings", json={"latencySeconds": 0.2}).raise_for_status()
    assert write(emulator, token).elapsed.total_seconds() >= 0.2


def test_faults_are_replaced_listed_and_removed(emulator: RunningEmulator) -> None:
    emulator.faults("503:0.2")
    emulator.faults("500:3x@PATCH/sessions", {"kind": "hang", "hangSeconds": 5, "seconds": 60})

    assert emulator.client.get("/emulator/faults").json()["faults"] == [
        {
            "rule": {"kind": "500", "method": "PATCH", "pathContains": "/sessions", "calls": 3},
            "fired": 0,
            "callsLeft": 3,
            "secondsLeft": None,
        },
        {
            "rule": {"kind": "hang", "hangSeconds": 5.0, "seconds": 60.0},
            "fired": 0,
            "callsLeft": None,
            "secondsLeft": 60.0,
        },
    ]
    assert emulator.client.delete("/emulator/faults").status_code == 204
    assert emulator.client.get("/emulator/faults").json() == {"faults": []}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"faults": ["bla"]}),
        ("faults", {"faults": [{"kind": "418"}]}),
        ("faults", {"faults": [{"kind": "503", "calls": 0}]}),
        ("faults", {"faults": [{"kind": "503", "often": 1}]}),
        ("faults", {"faults": [{"kind": "503", "retryAfter": "a\r\nb: c"}]}),
        ("settings", {"rateLimit": -1}),
        ("settings", {"rateLimt": 1}),
        ("settings", {"latencySeconds": "slow"}),
    ],
)
def test_an_order_that_is_not_understood_is_a_400_and_changes_nothing(
    emulator: RunningEmulator, path: str, body: dict[str, object]
) -> None:
    emulator.faults("503:1x")
    before = emulator.client.get(f"/emulator/{path}").json()

    answer = emulator.client.put(f"/emulator/{path}", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "bad.request")
    assert emulator.client.get(f"/emulator/{path}").json() == before


def test_a_conversation_is_made_to_order(emulator: RunningEmulator, token: dict[str, str]) -> None:
    order = {
        "participants": [
            {"id": "old", "startTime": "2025-12-31T00:00:00.000Z", "endTime": "2025-12-31T01:00:00.000Z"},
            {"id": "agent", "purpose": "agent"},
            {"id": "new", "attributes": {"a": "1"}},
        ]
    }

    made = emulator.client.post("/emulator/conversations", json=order)

    assert made.status_code == 201
    read = emulator.client.get(f"/api/v2/conversations/messages/{made.json()['id']}", headers=token).json()
    assert read == made.json()
    assert [(one["id"], one["purpose"], one.get("endTime")) for one in read["participants"]] == [
        ("old", "customer", "2025-12-31T01:00:00.000Z"),
        ("agent", "agent", None),
        ("new", "customer", None),
    ]


def test_a_reset_is_a_new_start() -> None:
    with running_emulator(
        EmulatorSettings(faults=(fault_from_text("503:1x@PATCH"),), rate_limit=7)
    ) as emulator:
        token = emulator.log_in()
        assert [write(emulator, token).status_code for _ in range(2)] == [503, 200]
        emulator.client.put("/emulator/settings", json={"rateLimit": 9}).raise_for_status()

        assert emulator.client.post("/emulator/reset").status_code == 204

        assert write(emulator, token).status_code == 401
        assert emulator.writes() == []
        assert emulator.client.get("/emulator/state").json() == {"sessions": {}, "conversations": {}}
        assert emulator.client.get("/emulator/settings").json()["rateLimit"] == 7
        assert write(emulator, emulator.log_in()).status_code == 503


async def test_where_the_server_cannot_close_a_connection_the_answer_says_so() -> None:
    asgi: Any = create_emulator(EmulatorSettings(faults=(fault_from_text("close"),)))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(asgi), base_url="http://emulator") as client:
        answer = await client.get(SESSION)

    assert answer.status_code == 500
    assert "cannot close" in answer.json()["message"]
