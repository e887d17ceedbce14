"""Which step fails on the way to a host, with servers that let each of them fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.genesys.reachability import why_unreachable
from tests.servers.processes import free_port


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that gives one answer to whatever comes first, or none at all; its place, and what came."""
    came: list[bytes] = []
    held: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        came.append(await reader.read(4096))
        if answer is not None:
            writer.write(answer)
            await writer.drain()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", came
    for writer in held:
        writer.close()


async def test_a_host_that_can_be_connected_to_is_no_reason() -> None:
    async with answering(b"") as (place, _):
        assert await why_unreachable(f"http://{place}/path", None, seconds_max=10) is None


async def test_a_name_that_is_not_known_is_named() -> None:
    why = await why_unreachable("https://login.nowhere.invalid", None, seconds_max=10)

    assert why is not None
    assert why.startswith("the name of login.nowhere.invalid:443 is not known (DNS: ")


async def test_a_port_that_nobody_listens_on_refuses() -> None:
    place = f"127.0.0.1:{free_port()}"

    assert await why_unreachable(f"http://{place}", None, seconds_max=10) == f"{place} refuses connections"


async def test_what_speaks_no_tls_is_told_as_such() -> None:
    async with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (place, _):
        why = await why_unreachable(f"https://{place}", None, seconds_max=10)

    assert why is not None
    assert why.startswith("127.0.0.1 does not speak TLS (TLS: ")


async def test_what_never_answers_is_given_up() -> None:
    async with answering(None) as (place, _):
        why = await why_unreachable(f"https://{place}", None, seconds_max=0.2)

    assert why == f"{place} does not answer within 0.2 s"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "answers 403 to CONNECT login.example:443"),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "answers 407 to CONNECT login.example:443"),
        (b"SSH-2.0-nothing\r\n\r\n", "answers nonsense to CONNECT login.example:443"),
        (b"", "is no HTTP proxy: it does not answer to CONNECT"),
    ],
)
async def test_a_proxy_that_lets_nobody_through_is_named_without_its_password(
    answer: bytes, said: str
) -> None:
    async with answering(answer) as (place, came):
        proxy = f"http://user:hunt%65r2@{place}"
        why = await why_unreachable("https://login.example", proxy, seconds_max=10)

    assert why == f"the proxy {place} {said}"
    assert came[0].startswith(b"CONNECT login.example:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic dXNlcjpodW50ZXIy\r\n" in came[0]


async def test_a_proxy_that_is_away_is_named_and_not_the_host_behind_it() -> None:
    place = f"127.0.0.1:{free_port()}"

    why = await why_unreachable("https://login.example", f"http://{place}", seconds_max=10)

    assert why == f"the proxy {place} refuses connections"
