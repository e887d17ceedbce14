"""The access token of the Genesys client."""

import asyncio

import pytest

from adapters.genesys.client import GenesysEndpoints, open_http
from adapters.genesys.oauth import TOKEN_LENGTH_MAX, TOKEN_SECONDS_MAX, TokenAnswer, TokenSource
from application.errors import GenesysMisconfigured, GenesysUnavailable
from entrypoints.version import VERSION
from tests.genesys.clients import LIMITS, Caller, caller, limits_for, open_caller
from tests.genesys.scripted_server import Answer, Close, Hang, ScriptedServer
from tests.simulation.virtual_loop import in_virtual_time

pytestmark = pytest.mark.usefixtures("no_waiting_between_attempts")


async def test_the_token_is_asked_for_with_basic_authentication(
    server: ScriptedServer, genesys: Caller
) -> None:
    await genesys.call()

    (login,) = server.logged_in
    assert (login.method, login.body) == ("POST", b"grant_type=client_credentials")
    assert login.credentials == "client:top-secret"
    assert server.asked[0].token == "secret-token-1"


async def test_one_token_is_fetched_however_many_wait_for_it(server: ScriptedServer, genesys: Caller) -> None:
    server.login_seconds = 0.02

    await asyncio.gather(*(genesys.call() for _ in range(20)))

    assert len(server.logged_in) == 1
    assert len(server.asked) == 20


async def test_a_token_that_cannot_be_had_is_asked_for_once_however_many_wait(
    server: ScriptedServer, genesys: Caller
) -> None:
    await genesys.call()
    genesys.client._tokens.refused("secret-token-1")
    server.login_seconds = 0.02
    server.logins = [Answer(status=401, body={"error": "invalid_client"})] * 9

    results = await asyncio.gather(*(genesys.call() for _ in range(8)), return_exceptions=True)

    assert {type(result) for result in results} == {GenesysMisconfigured}
    assert len(server.logged_in) == 2
    assert genesys.in_flight == 0


async def test_one_who_goes_away_does_not_take_the_token_from_those_who_wait(
    server: ScriptedServer, genesys: Caller
) -> None:
    await genesys.call()
    genesys.client._tokens.refused("secret-token-1")
    server.login_seconds = 0.05
    first = asyncio.create_task(genesys.call())
    while len(server.logged_in) < 2:
        await asyncio.sleep(0)
    others = [asyncio.create_task(genesys.call()) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()

    results = await asyncio.gather(first, *others, return_exceptions=True)

    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [b"{}"] * 3
    assert len(server.logged_in) == 2
    assert genesys.in_flight == 0


@in_virtual_time
async def test_a_token_is_kept_until_shortly_before_it_expires() -> None:
    fetched_at: list[float] = []

    async def fetch() -> TokenAnswer:
        fetched_at.append(asyncio.get_running_loop().time())
        return TokenAnswer(access_token=f"token-{len(fetched_at)}", expires_in=100)

    source, tokens = TokenSource(fetch), []
    for pause_seconds in (0, 0, 89, 2):
        await asyncio.sleep(pause_seconds)
        tokens.append(await source.token())

    assert tokens == ["token-1", "token-1", "token-1", "token-2"]
    assert fetched_at == [0, 91]


async def test_a_token_that_is_refused_is_fetched_anew_once(server: ScriptedServer, genesys: Caller) -> None:
    server.react = lambda asked: Answer(status=401 if asked.token == "secret-token-1" else 200)

    await genesys.call()

    assert [asked.token for asked in server.asked] == ["secret-token-1", "secret-token-2"]
    assert genesys.metrics.noted == ["called 4xx", "called 2xx"]
    assert genesys.in_flight == 0


async def test_a_refused_token_is_replaced_once_for_all_who_used_it(
    server: ScriptedServer, genesys: Caller
) -> None:
    await genesys.call()
    server.react = lambda asked: Answer(status=401 if asked.token == "secret-token-1" else 200)

    await asyncio.gather(*(genesys.call() for _ in range(6)))

    assert len(server.logged_in) == 2


async def test_a_new_token_that_is_refused_too_means_that_we_are_misconfigured(
    server: ScriptedServer, genesys: Caller
) -> None:
    body = {"code": "bad.credentials", "contextId": "c-1", "message": "Invalid"}
    server.react = lambda _: Answer(status=401, body=body)

    with pytest.raises(GenesysMisconfigured) as caught:
        await genesys.call()

    assert (caught.value.failure.code, caught.value.failure.context_id) == ("bad.credentials", "c-1")
    assert len(server.asked) == 2
    assert genesys.in_flight == 0


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_credentials_that_are_refused_mean_that_we_are_misconfigured(
    server: ScriptedServer, genesys: Caller, status: int
) -> None:
    server.logins = [Answer(status=status, body={"error": "invalid_client"})]

    with pytest.raises(GenesysMisconfigured) as caught:
        await genesys.call()

    assert caught.value.failure.status == status
    assert server.asked == []
    assert genesys.in_flight == 0


async def test_without_credentials_nobody_is_asked(server: ScriptedServer) -> None:
    async with open_http(
        GenesysEndpoints(api_url=server.url, login_url=server.url), LIMITS, version=VERSION
    ) as http:
        genesys = caller(http, server.url, credentials=None)

        with pytest.raises(GenesysMisconfigured, match="CLIENT_ID"):
            await genesys.call()

    assert server.logged_in == []
    assert genesys.in_flight == 0


@pytest.mark.parametrize(
    "reaction",
    [
        Close(),
        Hang(),
        Answer(status=503),
        Answer(body=b"<html>"),
        Answer(body=b"[" * 100_000),
        Answer(body={"expires_in": 1}),
        Answer(body={"access_token": "", "expires_in": 1}),
        Answer(body={"access_token": "line\nbreak", "expires_in": 1}),
        Answer(body={"access_token": "schl\u00fcssel", "expires_in": 1}),
        b"no http at all\r\n\r\n",
    ],
)
async def test_a_login_host_that_is_away_or_talks_nonsense_is_tried_again(
    server: ScriptedServer, reaction: Answer | Close | Hang | bytes
) -> None:
    server.logins = [reaction]

    async with open_caller(server.url, limits=limits_for(reaction)) as genesys:
        assert await genesys.call() == b"{}"
        assert len(server.logged_in) == 2
        assert genesys.in_flight == 0


async def test_a_login_host_that_stays_away_is_an_outage(server: ScriptedServer, genesys: Caller) -> None:
    server.logins = [Answer(status=503)] * 10

    with pytest.raises(GenesysUnavailable) as caught:
        await genesys.call()

    assert caught.value.outage
    assert len(server.logged_in) == LIMITS.attempts_max
    assert genesys.in_flight == 0


@pytest.mark.parametrize(
    "answer",
    [
        b'{"access_token":"t","expires_in":-5}',
        b'{"access_token":"t","expires_in":0}',
        b'{"access_token":"t","expires_in":true}',
        b'{"access_token":"t","expires_in":null}',
        b'{"access_token":"t","expires_in":"3600"}',
        b'{"access_token":"t","expires_in":NaN}',
        b'{"access_token":"t","expires_in":1e999}',
        b'{"access_token":"t","expires_in":' + b"9" * 400 + b"}",
        b'{"access_token":"t\\n","expires_in":3600}',
        b'{"access_token":"t\\r\\nX-Evil: 1","expires_in":3600}',
        b'{"access_token":5,"expires_in":3600}',
        b'{"access_token":null,"expires_in":3600}',
        b'{"access_token":"' + b"t" * (TOKEN_LENGTH_MAX + 1) + b'","expires_in":3600}',
        b'{"access_token":"t","expires_in":3600,"x":' + b"[" * 100_000,
    ],
)
async def test_a_token_that_makes_no_sense_is_not_used(
    server: ScriptedServer, genesys: Caller, answer: bytes
) -> None:
    server.logins = [Answer(body=answer)]

    assert await genesys.call() == b"{}"
    assert len(server.logged_in) == 2
    assert [asked.token for asked in server.asked] == ["secret-token-2"]
    assert genesys.in_flight == 0


async def test_a_token_is_held_for_two_days_at_most(server: ScriptedServer, genesys: Caller) -> None:
    server.expires_in = 1e300

    await genesys.call()

    token = genesys.client._tokens._token
    assert token is not None
    assert token.good_until <= asyncio.get_running_loop().time() + TOKEN_SECONDS_MAX
