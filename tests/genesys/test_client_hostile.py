"""Whatever is answered in Genesys' place: a bounded part of it is read, and it ends in an error of ours."""

import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator

import httpx
import pytest

from adapters.genesys.bounded_http import ANSWER_BYTES_MAX, AnswerTooLarge, read_body
from adapters.genesys.client import CallLimits
from adapters.genesys.json_answers import UnreadableAnswer, decoded
from application.errors import GenesysUnavailable
from entrypoints.version import VERSION
from tests.genesys.clients import Caller, open_caller
from tests.genesys.scripted_server import Answer, Endless, Reaction, ScriptedServer

pytestmark = pytest.mark.usefixtures("no_waiting_between_attempts")

UNHURRIED = CallLimits(call_seconds_max=60.0, retry_wait_seconds_max=5.0)
"""So long that a bound of bytes or parts is met, and not the deadline."""
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TOO_LARGE, NO_HTTP, NO_ENCODING = (
    "network.AnswerTooLarge",
    "network.RemoteProtocolError",
    "network.DecodingError",
)


def packed(body: bytes, encoding: str = "gzip") -> Answer:
    return Answer(body=body, headers={"Content-Encoding": encoding})


@pytest.fixture
async def unhurried(server: ScriptedServer) -> AsyncIterator[Caller]:
    async with open_caller(server.url, limits=UNHURRIED) as opened:
        yield opened


@pytest.mark.parametrize(
    ("reaction", "code"),
    [
        (Endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536), TOO_LARGE),
        (Endless(CHUNKED, b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"), TOO_LARGE),
        (Endless(CHUNKED, b"1\r\nx\r\n" * 8000), TOO_LARGE),
        (Endless(CHUNKED, b"1;" + b"x" * 60_000 + b"\r\nx\r\n"), TOO_LARGE),
        (Endless(CHUNKED + b"1;", b"x" * 65_536), NO_HTTP),
        (Endless(CHUNKED + b"0\r\n", b"a: b\r\n" * 8000), NO_HTTP),
        (Endless(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n" * 8000), TOO_LARGE),
        (Endless(b"HTTP/1.1 200 OK\r\na: ", b"x" * 65_536), TOO_LARGE),
        (Endless(b"HTTP/1.1 200 ", b"x" * 65_536), TOO_LARGE),
        (Endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000), TOO_LARGE),
        (Endless(b"", b"HTTP/1.1 103 Early Hints\r\na: b\r\n\r\n" * 2000), TOO_LARGE),
        (packed(gzip.compress(b"\0" * (ANSWER_BYTES_MAX + 1))), TOO_LARGE),
        (packed(gzip.compress(b"{}")[:-4]), NO_ENCODING),
        (packed(b"{}"), NO_ENCODING),
        (packed(zlib.compress(b"{}"), "deflate"), NO_ENCODING),
        (packed(gzip.compress(gzip.compress(b"{}")), "gzip, gzip"), NO_ENCODING),
        (packed(b"{}", "br"), NO_ENCODING),
        (Answer(headers={"Content-Type": "text/html; charset=utf-8"}, body=b"<html>"), "network.Page"),
        (Answer(status=302, headers={"Location": "http://[:::/"}), NO_HTTP),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", NO_HTTP),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", NO_HTTP),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", NO_HTTP),
    ],
)
async def test_an_answer_without_bounds_or_sense_is_cut_short_and_is_an_outage(
    server: ScriptedServer, unhurried: Caller, reaction: Reaction, code: str
) -> None:
    server.react = lambda _: reaction

    with pytest.raises(GenesysUnavailable) as caught:
        await unhurried.call()

    assert (caught.value.failure.code, caught.value.outage) == (code, True)
    assert unhurried.in_flight == 0
    server.react = None
    assert await unhurried.call() == b"{}"


async def test_a_compressed_body_is_read_as_what_it_is(server: ScriptedServer, genesys: Caller) -> None:
    whole = b"x" * ANSWER_BYTES_MAX
    server.script = [packed(gzip.compress(whole)), packed(b"")]

    assert await genesys.call() == whole
    assert await genesys.call() == b""
    assert server.asked[0].headers["accept-encoding"] == "gzip"


class Pieces(httpx.AsyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body


async def test_a_compressed_body_takes_no_more_memory_than_its_bound() -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(b"\0" * 1024 * 1024) for _ in range(64)) + packer.flush()
    response = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Pieces(bomb))
    tracemalloc.start()
    try:
        with pytest.raises(AnswerTooLarge):
            await read_body(response)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4 * ANSWER_BYTES_MAX


@pytest.mark.parametrize("document", [b"[" + b"1," * 400_000 + b"1]", b"[{}" + b",{}" * 400_000 + b"]"])
def test_a_document_of_very_many_values_is_not_decoded(document: bytes) -> None:
    assert len(document) < ANSWER_BYTES_MAX

    with pytest.raises(UnreadableAnswer):
        decoded(document, list[object])


@pytest.mark.parametrize(
    "rates",
    [
        ("9" * 400, "9" * 400, "9" * 400),
        ("1", "9" * 4000, "60"),
        ("1", "60", "1e99"),
        ("-5", "300", "60"),
        ("5", "-300", "60"),
        ("5", "300", "-60"),
        ("nan", "nan", "nan"),
        ("5", "1000000", "60"),
        ("5", "\u0663\u0660\u0660", "60"),
        ("5", "", "60"),
    ],
)
async def test_rate_headers_that_no_window_has_leave_the_budget_alone(
    server: ScriptedServer, genesys: Caller, rates: tuple[str, str, str]
) -> None:
    names = ("count", "allowed", "reset")
    headers = {f"inin-ratelimit-{name}": text for name, text in zip(names, rates, strict=True)}
    server.script = [Answer(headers=headers)]
    before = genesys.budget.figures().allowed

    await genesys.call()

    assert genesys.budget.figures().allowed == before
    assert genesys.in_flight == 0


@pytest.mark.parametrize("text", ["9" * 50_000, "1 " * 20_000, ", " * 20_000, "-" * 20_000])
async def test_a_date_that_is_very_long_is_none(server: ScriptedServer, genesys: Caller, text: str) -> None:
    server.script = [Answer(status=429, headers={"Retry-After": "x" + text, "Date": text[:10_000]})]

    with pytest.raises(GenesysUnavailable) as caught:
        await genesys.call()

    assert caught.value.retry_seconds is None


async def test_cookies_are_neither_kept_nor_sent_back(server: ScriptedServer, genesys: Caller) -> None:
    for number in range(3):
        server.script.append(Answer(headers={"Set-Cookie": f"c{number}=x; Max-Age=9999"}))
        await genesys.call()
    await genesys.call()

    assert [asked.headers.get("cookie") for asked in server.asked] == [None] * 4


async def test_every_call_says_who_makes_it_that_for_the_token_too(
    server: ScriptedServer, genesys: Caller
) -> None:
    await genesys.call()

    agents = [asked.headers["user-agent"] for asked in [*server.logged_in, *server.asked]]
    assert agents == [f"session-keeper/{VERSION}"] * 2


async def test_a_page_in_place_of_a_token_is_tried_again(server: ScriptedServer, genesys: Caller) -> None:
    server.logins = [Answer(body=b"<html>", headers={"Content-Type": "text/html"})]

    assert await genesys.call() == b"{}"
    assert len(server.logged_in) == 2
