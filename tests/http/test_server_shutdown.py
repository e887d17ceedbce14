"""How a server process starts, stops and exits: signals sent to a real process."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 20.0

# Tells on stdout what happens, a line each. Paths: /wait answers when the server begins to stop,
# /never does not answer, anything else answers at once.
PROGRAM = """
import asyncio, atexit, json, sys
from adapters.asgi_server.limits import ServerLimits
from adapters.asgi_server.server import run_server

options = json.loads(sys.argv[1])
stopping = asyncio.Event()

def tell(line):
    print(line, flush=True)

def on_stopping():
    tell("stopping")
    asyncio.get_running_loop().call_later(0.3, stopping.set)

async def lifespan(receive, send):
    await receive()
    if options.get("start") == "fails":
        await send({"type": "lifespan.startup.failed", "message": "no store"})
        return
    if options.get("start") == "hangs":
        tell("starting")
        await asyncio.Event().wait()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    tell("lifespan shutdown")
    await send({"type": "lifespan.shutdown.complete"})

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    tell(scope["path"])
    try:
        if scope["path"] == "/wait":
            await stopping.wait()
        if scope["path"] == "/never":
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.sleep(0.2)
        tell("cleaned up")
        raise
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})

atexit.register(tell, "atexit")
limits = ServerLimits(body_bytes_max=1000, drain_seconds_max=options.get("drain", 10.0))
sys.exit(run_server(app, host="127.0.0.1", port=options.get("port", 0), limits=limits,
                    on_ready=tell, on_stopping=on_stopping))
"""


class Server:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url = ""

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def send(self, sig: signal.Signals) -> None:
        self._process.send_signal(sig)

    def runs_on(self) -> bool:
        try:
            self._process.wait(0.2)
        except subprocess.TimeoutExpired:
            return True
        return False

    def end(self) -> tuple[int, list[str], str]:
        """The exit code, what was told since, and standard error."""
        out, err = self._process.communicate(timeout=PATIENCE_SECONDS)
        return self._process.returncode, out.split("\n")[:-1], err


@contextmanager
def starting(**options: Any) -> Iterator[Server]:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, json.dumps(options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


@contextmanager
def running(**options: Any) -> Iterator[Server]:
    with starting(**options) as server:
        server.url = server.line()
        yield server


@pytest.fixture
def in_background() -> Iterator[Callable[[str], Any]]:
    with ThreadPoolExecutor() as pool:
        yield lambda url: pool.submit(httpx.get, url, timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_with_0_after_everything_was_closed(sig: signal.Signals) -> None:
    with running() as server:
        assert httpx.get(server.url).status_code == 200
        assert server.line() == "/"
        server.send(sig)

        assert server.end() == (0, ["stopping", "lifespan shutdown", "atexit"], "")


def test_a_request_in_flight_is_answered_and_new_connections_are_refused(
    in_background: Callable[[str], Any],
) -> None:
    with running() as server:
        answer = in_background(server.url + "/wait")
        assert server.line() == "/wait"
        server.send(signal.SIGTERM)
        assert server.line() == "stopping"

        with pytest.raises(httpx.ConnectError):
            httpx.get(server.url)
        assert answer.result().status_code == 200
        assert answer.result().headers["connection"] == "close"
        assert server.end()[:2] == (0, ["lifespan shutdown", "atexit"])


def test_idle_connections_do_not_hold_up_the_stop() -> None:
    with running() as server, httpx.Client() as client:
        assert client.get(server.url).status_code == 200
        url = httpx.URL(server.url)
        assert url.port is not None
        with socket.create_connection((url.host, url.port)) as silent:
            silent.sendall(b"GET / HT")
            assert client.get(server.url).status_code == 200
            server.send(signal.SIGTERM)

            assert server.end()[0] == 0


def test_what_outlasts_the_drain_is_answered_503_and_may_clean_up_before_the_application_closes(
    in_background: Callable[[str], Any],
) -> None:
    with running(drain=0.3) as server:
        answer = in_background(server.url + "/never")
        assert server.line() == "/never"
        server.send(signal.SIGTERM)

        assert answer.result().status_code == 503
        assert answer.result().headers["content-type"] == "application/problem+json"
        assert server.end()[:2] == (0, ["stopping", "cleaned up", "lifespan shutdown", "atexit"])


def test_a_second_interrupt_ends_the_process_without_waiting(in_background: Callable[[str], Any]) -> None:
    with running(drain=1000) as server:
        answer = in_background(server.url + "/never")
        assert server.line() == "/never"
        server.send(signal.SIGINT)
        assert server.line() == "stopping"
        server.send(signal.SIGINT)

        code, told, _ = server.end()

        assert code == 1
        assert told[-1] == "atexit"
        assert isinstance(answer.exception(), httpx.HTTPError) or answer.result().status_code == 500


def test_a_terminate_after_an_interrupt_is_not_impatience(in_background: Callable[[str], Any]) -> None:
    with running() as server:
        answer = in_background(server.url + "/wait")
        assert server.line() == "/wait"
        server.send(signal.SIGINT)
        assert server.line() == "stopping"
        server.send(signal.SIGTERM)

        assert answer.result().status_code == 200
        assert server.end()[:2] == (0, ["lifespan shutdown", "atexit"])


def test_repeated_interrupts_end_a_start_up_that_hangs() -> None:
    with starting(start="hangs") as server:
        assert server.line() == "starting"
        while server.runs_on():  # two signals of a kind that meet become one
            server.send(signal.SIGINT)

        code, lines, _ = server.end()
        assert lines == ["atexit"]
        assert code in {1, -signal.SIGINT}  # the last signal may meet an interpreter that is on its way out


def test_a_start_up_that_fails_ends_the_process_with_1_and_without_a_traceback() -> None:
    with starting(start="fails") as server:
        code, told, err = server.end()

        assert (code, told) == (1, ["atexit"])
        assert "no store" in err
        assert "Traceback" not in err


def test_a_port_in_use_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with starting(port=port) as server:
            code, told, err = server.end()

    assert (code, told) == (1, ["atexit"])
    assert re.fullmatch(rf"session-keeper: cannot listen on 127\.0\.0\.1:{port}: .+\n", err)


def test_a_port_that_is_no_port_is_told_in_one_line() -> None:
    with starting(port=70_000) as server:
        code, _, err = server.end()

    assert code == 1
    assert re.fullmatch(r"session-keeper: cannot listen on 127\.0\.0\.1:70000: .+\n", err)
