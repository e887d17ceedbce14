"""Every call that was taken from the budget is ended exactly once, whatever happens."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest
import stamina

from domain.sync.policy import SyncTarget
from tests.genesys.clients import Caller, caller, copy_of

URL = "http://genesys.test"
Handler = Callable[[httpx.Request], httpx.Response]


class _Steps:
    """A network in which every answer takes a few turns of the loop."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        for _ in range(3):
            await asyncio.sleep(0)
        return self._handle(request)


def open_on(handle: Handler) -> tuple[httpx.AsyncClient, Caller]:
    http = httpx.AsyncClient(transport=httpx.MockTransport(_Steps(handle)))
    return http, caller(http, URL)


def token(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"access_token": "secret-token", "expires_in": 3600})


def all_well(request: httpx.Request) -> httpx.Response:
    return token(request) if request.url.path == "/oauth/token" else httpx.Response(200, json={})


def unavailable(request: httpx.Request) -> httpx.Response:
    return token(request) if request.url.path == "/oauth/token" else httpx.Response(503)


def unauthorized(request: httpx.Request) -> httpx.Response:
    return token(request) if request.url.path == "/oauth/token" else httpx.Response(401)


def no_login(_: httpx.Request) -> httpx.Response:
    return httpx.Response(503)


def limited(request: httpx.Request) -> httpx.Response:
    answer = httpx.Response(429, headers={"Retry-After": "0"})
    return token(request) if request.url.path == "/oauth/token" else answer


def gone(request: httpx.Request) -> httpx.Response:
    """The participant that was remembered is not there, another is."""
    if request.url.path == "/oauth/token":
        return token(request)
    if request.method == "GET":
        return httpx.Response(200, json={"participants": [{"id": "q", "purpose": "customer"}]})
    return httpx.Response(404 if "gone" in request.url.path else 202)


def broken(_: httpx.Request) -> httpx.Response:
    raise RuntimeError("a fault of our own")


async def deliver_session(genesys: Caller) -> None:
    await genesys.tell()


async def deliver_attributes(genesys: Caller) -> None:
    target = SyncTarget.PARTICIPANT_ATTRIBUTES
    await genesys.tell(target, copy_of(target=target, conversation_id="c", found=("c", "gone")))


@pytest.mark.parametrize("tell", [deliver_session, deliver_attributes])
@pytest.mark.parametrize(
    "handle", [all_well, unavailable, unauthorized, no_login, limited, gone, broken], ids=lambda f: f.__name__
)
async def test_a_call_that_is_cancelled_wherever_it_waits_is_ended_all_the_same(
    handle: Handler, tell: Callable[[Caller], Coroutine[Any, Any, None]]
) -> None:
    with stamina.set_testing(True, attempts=3):
        for turns in range(120):
            http, genesys = open_on(handle)
            async with http:
                task = asyncio.create_task(tell(genesys))
                for _ in range(turns):
                    await asyncio.sleep(0)
                done = task.done()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                for _ in range(10):
                    await asyncio.sleep(0)

                assert genesys.in_flight == 0, turns
            if done:
                break

    assert done, "the call never came to its end by itself"


async def test_calls_under_way_at_the_same_time_are_all_ended() -> None:
    http, genesys = open_on(unavailable)
    with stamina.set_testing(True, attempts=3):
        async with http:
            async with genesys.budget.permit() as permit:
                permit.spend()
            tasks = [asyncio.create_task(genesys.tell()) for _ in range(30)]
            for turn in range(40):
                await asyncio.sleep(0)
                tasks[turn % 30].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    assert genesys.in_flight == 0


async def test_one_who_gives_up_waiting_for_the_budget_takes_nothing_from_it() -> None:
    http, genesys = open_on(all_well)
    async with http:
        genesys.budget.close(60)
        waiting = [asyncio.create_task(genesys.tell()) for _ in range(3)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    assert genesys.in_flight == 0
    assert genesys.budget.figures().closed_seconds > 50
