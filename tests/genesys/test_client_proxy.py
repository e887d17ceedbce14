"""Calls through a proxy: the same bounds, and the proxy's own credentials for nobody else."""

import base64

import pytest

from adapters.genesys.client import GenesysEndpoints, open_http
from application.errors import GenesysUnavailable
from entrypoints.version import VERSION
from tests.genesys.clients import caller
from tests.genesys.scripted_server import Answer, Asked, Endless, Reaction, ScriptedServer
from tests.genesys.test_client_hostile import UNHURRIED

pytestmark = pytest.mark.usefixtures("no_waiting_between_attempts")
GENESYS = "http://genesys.invalid"
ENDLESS = Endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000)


async def test_calls_go_through_the_proxy_within_the_same_bounds(server: ScriptedServer) -> None:
    answers: list[Reaction] = [Answer(body={"a": 1}), *[ENDLESS] * UNHURRIED.attempts_max]

    def react(asked: Asked) -> Reaction:
        if asked.path == f"{GENESYS}/oauth/token":
            return Answer(body={"access_token": "t", "expires_in": 3600})
        return answers.pop(0)

    server.react = react
    endpoints = GenesysEndpoints(api_url=GENESYS, login_url=GENESYS)
    proxy_url = server.url.replace("//", "//user:word@")
    async with open_http(endpoints, UNHURRIED, proxy_url, version=VERSION) as http:
        genesys = caller(http, GENESYS, limits=UNHURRIED)

        assert await genesys.call() == b'{"a": 1}'
        with pytest.raises(GenesysUnavailable) as caught:
            await genesys.call()

    assert caught.value.failure.code == "network.AnswerTooLarge"
    assert answers == []
    assert [asked.path for asked in server.asked[:2]] == [f"{GENESYS}/oauth/token", f"{GENESYS}/api/v2/x"]
    credentials = base64.b64encode(b"user:word").decode()
    assert {asked.headers["proxy-authorization"] for asked in server.asked} == {f"Basic {credentials}"}
    assert server.asked[1].token == "t"
