"""Hostile and broken senders against a real server process on loopback, with small limits."""

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.asgi_server.limits import ServerLimits
from adapters.asgi_server.server import run_server

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 20.0
LIMITS = ServerLimits(
    header_bytes_max=4096,
    header_count_max=20,
    header_seconds_max=0.4,
    body_seconds_max=0.6,
    body_bytes_max=65_536,
    idle_seconds_max=0.5,
    connections_max=20,
)


# The server process


class Application:
    """Answers with what it read; keeps the paths it was called with."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        if scope["path"] == "/calls":
            await self._answer(send, 200, json.dumps(self.paths))
            return
        self.paths.append(scope["path"])
        if scope["path"] == "/refuses":
            await self._answer(send, 413, "too large")
            return
        if scope["path"] == "/holds":
            while (await receive())["type"] != "http.disconnect":
                pass
            self.paths.append("/holds gone")
            return
        length, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.paths.append(scope["path"] + " gone")
                return
            length += len(message["body"])
            more = message["more_body"]
            if scope["path"] == "/bounded" and length > LIMITS.body_bytes_max:
                await self._answer(send, 413, "too large")
                return
        names = ",".join(name.decode() for name, _ in scope["headers"])
        await self._answer(send, 200, f"read {length} headers {names}")

    async def _answer(self, send: Any, status: int, text: str) -> None:
        headers = [(b"content-length", b"%d" % len(text))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})


def serve() -> int:
    return run_server(
        Application(),
        host="127.0.0.1",
        port=0,
        limits=LIMITS,
        on_ready=lambda url: print(url, flush=True),  # noqa: T201
    )


@contextmanager
def running(*command: str) -> Iterator[tuple[str, int, subprocess.Popen[str]]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            url = httpx.URL(process.stdout.readline().strip())
            assert url.port is not None
            yield url.host, url.port, process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with running(__file__) as (host, port, _):
        yield host, port


# The senders


def exchange(address: tuple[str, int], pieces: Iterable[bytes], pause_seconds: float = 0.0) -> bytes:
    """Send the pieces until something comes back, and read until the server closes."""
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as sock:
        try:
            for piece in pieces:
                sock.sendall(piece)
                if select.select([sock], [], [], pause_seconds)[0]:
                    break
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read_until_closed(sock)


def read_until_closed(sock: socket.socket) -> bytes:
    received = b""
    while chunk := sock.recv(65_536):
        received += chunk
    return received


def read_until(sock: socket.socket, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        chunk = sock.recv(65_536)
        assert chunk, received
        received += chunk
    return received


def problem_in(answer: bytes) -> dict[str, Any]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    problem = json.loads(body)
    assert problem.keys() == {"type", "title", "status", "detail"}
    assert head.startswith(b"HTTP/1.1 %d " % problem["status"])
    return dict(problem)


def calls(address: tuple[str, int]) -> list[str]:
    host, port = address
    return list(httpx.get(f"http://{host}:{port}/calls").json())


def post(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: test", *headers, "", ""]).encode()


# Too slow


@pytest.mark.parametrize("start", [b"G", b"GET / HTTP/1.1\r\nHost: t", b"\r\n"])
def test_headers_that_stop_half_way_get_408(address: tuple[str, int], start: bytes) -> None:
    answer = exchange(address, [start], PATIENCE_SECONDS)

    assert problem_in(answer)["status"] == 408


def test_headers_that_trickle_get_408_although_every_read_brings_something(address: tuple[str, int]) -> None:
    trickle = (b"%c" % byte for byte in b"GET /trickle HTTP/1.1\r\nX-Long: " + b"a" * 4000)

    answer = exchange(address, trickle, 0.02)

    assert problem_in(answer)["status"] == 408
    assert "/trickle" not in calls(address)


def test_a_connection_on_which_nothing_is_said_is_closed_without_an_answer(address: tuple[str, int]) -> None:
    assert exchange(address, []) == b""


def test_a_body_that_stops_half_way_gets_408_and_the_application_a_disconnect(
    address: tuple[str, int],
) -> None:
    answer = exchange(address, [post("/half", "Content-Length: 10") + b"12345"], PATIENCE_SECONDS)

    assert problem_in(answer)["status"] == 408
    assert "/half gone" in calls(address)


def test_a_body_that_trickles_gets_408(address: tuple[str, int]) -> None:
    trickle = [post("/read", "Content-Length: 5000"), *repeat(b"x", 4999)]

    assert problem_in(exchange(address, trickle, 0.02))["status"] == 408


def test_chunks_that_trickle_get_408(address: tuple[str, int]) -> None:
    trickle = [post("/read", "Transfer-Encoding: chunked"), *repeat(b"1\r\nx\r\n", 5000)]

    assert problem_in(exchange(address, trickle, 0.02))["status"] == 408


def test_a_second_request_on_the_connection_has_a_deadline_of_its_own(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        first = read_until(sock, b"read 0 headers host")
        sock.sendall(b"GET / HT")

        assert first.startswith(b"HTTP/1.1 200 ")
        assert problem_in(read_until_closed(sock))["status"] == 408


def test_an_idle_connection_is_closed_without_an_answer(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")

        assert read_until_closed(sock).count(b"HTTP/1.1 ") == 1


# Too much


def test_one_large_header_gets_431(address: tuple[str, int]) -> None:
    endless = [b"GET /large HTTP/1.1\r\nX-Large: ", *repeat(b"a" * 65_536, 16), b"\r\n\r\n"]

    answer = exchange(address, endless)

    assert problem_in(answer)["status"] == 431
    assert "/large" not in calls(address)


def test_one_long_request_line_gets_431(address: tuple[str, int]) -> None:
    assert problem_in(exchange(address, [b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n"]))["status"] == 431


def test_a_header_that_never_ends_gets_431(address: tuple[str, int]) -> None:
    endless = [b"GET / HTTP/1.1\r\nX-Endless: ", *repeat(b"a" * 256, 1000)]

    assert problem_in(exchange(address, endless, 0.001))["status"] == 431


def test_two_thousand_headers_get_431(address: tuple[str, int]) -> None:
    many = b"GET /many HTTP/1.1\r\n" + b"a:b\r\n" * 2000 + b"\r\n"

    assert problem_in(exchange(address, [many]))["status"] == 431
    assert "/many" not in calls(address)


def test_as_many_headers_as_are_allowed_are_served(address: tuple[str, int]) -> None:
    allowed = b"GET /allowed HTTP/1.1\r\n" + b"a:b\r\n" * 19 + b"Connection: close\r\n\r\n"

    assert exchange(address, [allowed]).startswith(b"HTTP/1.1 200 ")


def test_trailers_are_bounded_and_never_become_headers(address: tuple[str, int]) -> None:
    chunked = post("/read", "Transfer-Encoding: chunked", "Connection: close") + b"1\r\nx\r\n0\r\n"

    few = exchange(address, [chunked + b"X-Trailer: 1\r\n\r\n"])
    many = exchange(address, [chunked, *repeat(b"X-Trailer: 1\r\n", 100)])

    assert few.endswith(b"read 1 headers host,transfer-encoding,connection")
    assert problem_in(many)["status"] == 431


def test_a_body_of_the_largest_size_is_read_whole(address: tuple[str, int]) -> None:
    size = LIMITS.body_bytes_max
    whole = post("/bounded", f"Content-Length: {size}", "Connection: close") + b"x" * size

    assert b"read %d " % size in exchange(address, [whole])


@pytest.mark.parametrize("length", ["Content-Length: 50000000", "Transfer-Encoding: chunked"])
def test_the_answer_to_a_body_too_large_arrives_while_the_body_still_comes(
    address: tuple[str, int], length: str
) -> None:
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"

    for path in ("/bounded", "/refuses"):
        answer = exchange(address, [post(path, length), *repeat(chunk, 700)])

        assert answer.startswith(b"HTTP/1.1 413 "), path
        assert b"connection: close" in answer
        assert answer.endswith(b"too large")


def test_a_body_too_large_for_an_application_that_would_read_for_ever_gets_413(
    address: tuple[str, int],
) -> None:
    endless = [
        post("/gullible", "Transfer-Encoding: chunked"),
        *repeat(b"1000\r\n" + b"x" * 4096 + b"\r\n", 9999),
    ]

    answer = exchange(address, endless)

    assert problem_in(answer)["status"] == 413
    assert "/gullible gone" in calls(address)


def test_an_endless_chunk_extension_is_refused(address: tuple[str, int]) -> None:
    endless = [post("/read", "Transfer-Encoding: chunked") + b"1;", *repeat(b"e" * 1024, 1000)]

    assert problem_in(exchange(address, endless, 0.001))["status"] in {400, 431}


# Not HTTP


@pytest.mark.parametrize(
    "request_bytes",
    [
        post("/wrong", "Content-Length: -1") + b"x",
        post("/wrong", "Content-Length: 1", "Content-Length: 2") + b"xy",
        post("/wrong", "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        post("/wrong", "Content-Length: 99999999999999999999999"),
        post("/wrong", "Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        b"POST /wrong HTTP/1.1\nHost: t\nContent-Length: 0\n\n",
        b"GET /wrong HTTP/1.1\r\nHost : t\r\n\r\n",
        b"GET /wrong\r\n\r\n",
        b"CONNECT wrong:443 HTTP/1.1\r\nHost: t\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=str,
)
def test_what_is_not_http_gets_400_and_never_reaches_the_application(
    address: tuple[str, int], request_bytes: bytes
) -> None:
    answer = exchange(address, [request_bytes], PATIENCE_SECONDS)

    assert problem_in(answer)["status"] == 400
    assert "/wrong" not in calls(address)


def test_a_broken_chunk_gets_400(address: tuple[str, int]) -> None:
    broken = post("/read", "Transfer-Encoding: chunked") + b"zz\r\nx\r\n"

    assert problem_in(exchange(address, [broken], PATIENCE_SECONDS))["status"] == 400


def test_a_body_longer_than_announced_is_cut_at_its_length_and_the_connection_ends(
    address: tuple[str, int],
) -> None:
    answer = exchange(
        address, [post("/read", "Content-Length: 3") + b"abc and more\r\n\r\n"], PATIENCE_SECONDS
    )

    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"read 3 " in answer


def test_an_upgrade_that_is_not_spoken_is_answered_as_the_request_it_is(address: tuple[str, int]) -> None:
    upgrade = b"GET / HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"

    assert exchange(address, [upgrade + b"something else"]).startswith(b"HTTP/1.1 200 ")


# Too many


def test_requests_sent_ahead_are_answered_in_order_up_to_a_bound(address: tuple[str, int]) -> None:
    flood = b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % number for number in range(9000))

    answers = exchange(address, [flood])

    assert 1 <= answers.count(b"HTTP/1.1 200 OK") < 9000
    assert answers.count(b"HTTP/1.1 ") == answers.count(b"HTTP/1.1 200 OK")
    assert calls(address).count("/8999") == 0


def test_a_flood_behind_a_request_that_is_never_answered_is_cut(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as sock:
        sock.sendall(b"GET /holds HTTP/1.1\r\n\r\n")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            sock.sendall(b"GET /behind HTTP/1.1\r\n\r\n" * 3_000_000)

    assert "/holds gone" in calls(address)
    assert "/behind" not in calls(address)


def test_a_good_request_ahead_of_a_bad_one_is_still_answered(address: tuple[str, int]) -> None:
    answer = exchange(address, [b"GET /good HTTP/1.1\r\n\r\nnonsense\r\n\r\n"], PATIENCE_SECONDS)

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_connections_over_the_limit_get_503_and_others_go_on_being_served(address: tuple[str, int]) -> None:
    held = [
        socket.create_connection(address, timeout=PATIENCE_SECONDS) for _ in range(LIMITS.connections_max)
    ]
    try:
        answer = exchange(address, [b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"], PATIENCE_SECONDS)

        assert problem_in(answer)["status"] == 503
        assert b"retry-after: " in answer
    finally:
        for sock in held:
            sock.close()
    assert eventually_served(address)


def test_requests_are_served_while_slow_senders_hold_connections(address: tuple[str, int]) -> None:
    held = [socket.create_connection(address, timeout=PATIENCE_SECONDS) for _ in range(10)]
    try:
        for sock in held:
            sock.sendall(post("/read", "Content-Length: 100") + b"x")

        assert calls(address) is not None
    finally:
        for sock in held:
            sock.close()


def eventually_served(address: tuple[str, int]) -> bool:
    host, port = address
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        if httpx.get(f"http://{host}:{port}/").status_code == 200:
            return True
    return False


if __name__ == "__main__":
    raise SystemExit(serve())
