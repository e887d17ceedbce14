"""What the Genesys client makes of answers that are no success, and of none."""

import asyncio

import pytest
import stamina
import stamina.instrumentation

from adapters.genesys.bounded_http import ANSWER_BYTES_MAX
from application.errors import GenesysMisconfigured, GenesysRefused, GenesysUnavailable
from tests.genesys.clients import IMPATIENT, LIMITS, Caller, limits_for, open_caller
from tests.genesys.scripted_server import Answer, Close, Hang, Reaction, ScriptedServer

ERROR = {"code": "some.code", "contextId": "c-1", "message": "a value", "messageWithParams": "of {entity}"}


pytestmark = pytest.mark.usefixtures("no_waiting_between_attempts")


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 413, 415, 422])
async def test_other_4xx_are_final_and_keep_genesys_code_and_context_id(
    server: ScriptedServer, genesys: Caller, status: int
) -> None:
    server.script = [Answer(status=status, body=ERROR)]

    with pytest.raises(GenesysRefused) as caught:
        await genesys.call()

    failure = caught.value.failure
    assert (failure.code, failure.context_id, failure.status) == ("some.code", "c-1", status)
    assert failure.reason == "of {entity}"
    assert len(server.asked) == 1
    assert genesys.in_flight == 0


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[1]", b'{"code": 1}', b"[" * 100_000])
async def test_an_error_without_genesys_body_is_named_for_its_status(
    server: ScriptedServer, genesys: Caller, body: bytes
) -> None:
    server.script = [Answer(status=400, body=body, headers={"inin-correlation-id": "c-2"})]

    with pytest.raises(GenesysRefused) as caught:
        await genesys.call()

    assert (caught.value.failure.code, caught.value.failure.context_id) == ("http.400", "c-2")


async def test_a_redirect_is_not_followed_since_a_token_must_not_follow_it(
    server: ScriptedServer, genesys: Caller
) -> None:
    server.script = [Answer(status=302, headers={"Location": f"{server.url}/elsewhere"})]

    with pytest.raises(GenesysRefused):
        await genesys.call()

    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "reaction",
    [
        Answer(status=502),
        Answer(status=503),
        Answer(status=504),
        Close(),
        Hang(),
        Answer(body=b"x" * 300, drip_seconds=0.01),
        Answer(body=b"x" * (ANSWER_BYTES_MAX + 1)),
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"nonsense\r\n\r\n",
    ],
)
async def test_faults_that_may_pass_are_tried_again_with_a_call_of_their_own(
    server: ScriptedServer, reaction: Reaction
) -> None:
    server.script = [reaction]

    async with open_caller(server.url, limits=limits_for(reaction)) as genesys:
        assert await genesys.call() == b"{}"
        assert len(server.asked) == 2
        assert len(genesys.metrics.noted) == 2
        assert genesys.in_flight == 0


async def test_faults_that_do_not_pass_end_after_a_few_attempts(
    server: ScriptedServer, genesys: Caller
) -> None:
    server.script = [Answer(status=503, body=ERROR)] * 9

    with pytest.raises(GenesysUnavailable) as caught:
        await genesys.call()

    assert caught.value.outage
    assert caught.value.failure.code == "some.code"
    assert len(server.asked) == LIMITS.attempts_max
    assert genesys.in_flight == 0


async def test_nobody_there_is_an_outage() -> None:
    async with open_caller("http://127.0.0.1:9") as away:
        with pytest.raises(GenesysUnavailable) as caught:
            await away.call()

        assert caught.value.failure.code == "network.ConnectError"
        assert away.in_flight == 0


async def test_a_500_is_not_tried_again_in_the_call(server: ScriptedServer, genesys: Caller) -> None:
    server.script = [Answer(status=500, body=ERROR)]

    with pytest.raises(GenesysUnavailable):
        await genesys.call()

    assert len(server.asked) == 1


async def test_a_call_ends_at_its_deadline_even_if_every_byte_comes_in_time(
    server: ScriptedServer,
) -> None:
    server.react = lambda _: Answer(body=b"x" * 1_000_000, drip_seconds=0.01)

    async with open_caller(server.url, limits=IMPATIENT) as genesys, asyncio.timeout(30):
        with pytest.raises(GenesysUnavailable) as caught:
            await genesys.call()

        assert caught.value.failure.code == "network.TimeoutError"
        assert genesys.metrics.noted == ["called no_answer"] * IMPATIENT.attempts_max


@pytest.mark.parametrize(
    ("headers", "asked_seconds", "closed_seconds"),
    [
        ({"Retry-After": "42"}, 42, 42),
        ({"Retry-After": "Thu, 01 Jan 2026 12:00:30 GMT"}, 30, 30),
        ({"Retry-After": "Thu, 01 Jan 2026 12:00:30 GMT", "Date": "Thu, 01 Jan 2026 11:59:50 GMT"}, 40, 40),
        ({"Retry-After": "Thu, 01 Jan 2026 11:00:00 GMT"}, 0, 0),
        ({"Retry-After": "999999999"}, 300, 300),
        ({"Retry-After": "soon"}, None, 5),
        ({"Retry-After": "-1"}, None, 5),
        ({"Retry-After": "1.5"}, None, 5),
        ({"Retry-After": "nan"}, None, 5),
        ({}, None, 5),
    ],
)
async def test_a_429_closes_the_gate_for_everybody_for_as_long_as_genesys_asks(
    server: ScriptedServer,
    genesys: Caller,
    headers: dict[str, str],
    asked_seconds: float | None,
    closed_seconds: float,
) -> None:
    server.script = [Answer(status=429, body=ERROR, headers=headers)]

    with pytest.raises(GenesysUnavailable) as caught:
        await genesys.call()

    assert caught.value.retry_seconds == asked_seconds
    assert not caught.value.outage
    assert genesys.budget.closings == [closed_seconds]
    assert (genesys.budget.figures().closed_seconds > 0) == (closed_seconds > 0)
    assert len(server.asked) == 1
    assert genesys.in_flight == 0


async def test_a_503_that_says_how_long_closes_the_gate_too_and_is_not_tried_again_at_once(
    server: ScriptedServer, genesys: Caller
) -> None:
    server.script = [Answer(status=503, headers={"Retry-After": "7"})]

    with pytest.raises(GenesysUnavailable) as caught:
        await genesys.call()

    assert caught.value.retry_seconds == 7
    assert genesys.budget.closings == [7]
    assert len(server.asked) == 1


async def test_a_429_of_the_login_host_closes_the_gate_and_is_no_misconfiguration(
    server: ScriptedServer, genesys: Caller
) -> None:
    server.logins = [Answer(status=429, headers={"Retry-After": "9"})]

    with pytest.raises(GenesysUnavailable) as caught:
        await genesys.call()

    assert not isinstance(caught.value, GenesysMisconfigured)
    assert genesys.budget.closings == [9]
    assert genesys.in_flight == 0


async def test_what_the_rate_headers_say_is_taken_over(server: ScriptedServer, genesys: Caller) -> None:
    headers = {"inin-ratelimit-count": "7", "inin-ratelimit-allowed": "180", "inin-ratelimit-reset": "61"}
    server.script = [Answer(headers=headers)]

    await genesys.call()

    figures = genesys.budget.figures()
    assert (figures.allowed, figures.left) == (180, 173)


async def test_a_retry_that_the_budget_has_no_call_for_is_left_to_later(
    server: ScriptedServer,
) -> None:
    full = {"inin-ratelimit-count": "180", "inin-ratelimit-allowed": "180", "inin-ratelimit-reset": "61"}
    server.script = [Answer(status=503, headers=full)]

    async with open_caller(server.url, limits=IMPATIENT) as genesys, asyncio.timeout(30):
        with pytest.raises(GenesysUnavailable) as caught:
            await genesys.call()

        assert caught.value.failure.status == 503
        assert len(server.asked) == 1
        assert genesys.in_flight == 0


async def test_attempts_are_spaced_out(server: ScriptedServer, genesys: Caller) -> None:
    server.script = [Answer(status=503)] * 2
    waits: list[float] = []
    stamina.instrumentation.set_on_retry_hooks([lambda retry: waits.append(retry.wait_for)])
    stamina.set_testing(False)

    try:
        await genesys.call()
    finally:
        stamina.instrumentation.set_on_retry_hooks(None)

    first, second = waits
    assert 0.2 <= first <= 0.4
    assert 0.4 <= second <= 0.6
