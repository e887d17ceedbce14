"""Several server processes behind one address, with real children and real signals."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 20.0

CHILD = """
import asyncio, os, signal, socket, sys
from adapters.asgi_server.limits import ServerLimits
from adapters.asgi_server.server import run_server

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        os.write(1, b"lifespan shutdown\\n")  # one write: two processes share the pipe
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/wait":
        print("/wait", flush=True)
        await asyncio.sleep(0.5)
    body = b"%d" % os.getpid()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})

if sys.argv[2] == "fails":
    sys.exit(1)
if sys.argv[2] == "deaf":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
sock = socket.socket(fileno=int(sys.argv[1]))
sys.exit(run_server(app, host="", port=0, limits=ServerLimits(body_bytes_max=1000), sock=sock))
"""

PARENT = """
import json, logging, sys
from functools import partial
from adapters.asgi_server.supervisor import run_workers

logging.basicConfig(format="%(message)s", level="INFO")
options = json.loads(sys.argv[1])
sys.exit(run_workers(
    lambda fd: [sys.executable, "-c", options["child"], str(fd), options["mood"]],
    count=2, host="127.0.0.1", port=options["port"], drain_seconds_max=options["drain"],
    on_ready=partial(print, flush=True), companion=options["companion"],
))
"""


class Workers:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.url = ""

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def wait_until_said(self, text: str) -> None:
        """Reads the log up to the line with this text."""
        assert self.process.stderr is not None
        while text not in (line := self.process.stderr.readline()):
            assert line, text

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, out, err

    def answering(self, count: int) -> set[int]:
        """Process ids, asked for until `count` different ones have answered."""
        pids: set[int] = set()
        give_up = time.monotonic() + PATIENCE_SECONDS
        while len(pids) < count:
            assert time.monotonic() < give_up, pids
            pids.add(int(httpx.get(self.url, timeout=PATIENCE_SECONDS).text))
        return pids


@contextmanager
def starting(
    mood: str = "well", *, port: int = 0, drain: float = 10.0, companion: list[str] | None = None
) -> Iterator[Workers]:
    options = json.dumps({"child": CHILD, "mood": mood, "port": port, "drain": drain, "companion": companion})
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        try:
            yield Workers(process)
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE_SECONDS)


@contextmanager
def running(
    mood: str = "well", *, drain: float = 10.0, companion: list[str] | None = None
) -> Iterator[Workers]:
    with starting(mood, drain=drain, companion=companion) as workers:
        workers.url = workers.line()
        yield workers


COMPANION = """
import os, signal, stat, sys, time
listening = [fd for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")
             and stat.S_ISSOCK(os.stat(f"/proc/self/fd/{fd}").st_mode)]
print("companion", os.getpid(), len(listening), flush=True)
signal.pause()
"""

INTERRUPTED = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)  # as of Ctrl-C, before any handler is set
    print("lived on", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
signal.pause()
"""


def answering_url(url: str) -> bool:
    try:
        httpx.get(url, timeout=PATIENCE_SECONDS)
    except httpx.TransportError:
        return False
    return True


def test_every_worker_answers_and_a_stop_lets_each_close_what_it_opened() -> None:
    with running() as workers:
        assert len(workers.answering(2)) == 2
        workers.process.send_signal(signal.SIGTERM)

        code, out, _ = workers.end()

        assert code == 0
        assert out.split("\n").count("lifespan shutdown") == 2
        assert not answering_url(workers.url)


def test_a_request_in_flight_is_answered_while_new_connections_are_refused() -> None:
    with running() as workers, socket.socket() as sock:
        workers.answering(2)
        url = httpx.URL(workers.url)
        sock.settimeout(PATIENCE_SECONDS)
        sock.connect((url.host, url.port))
        sock.sendall(b"GET /wait HTTP/1.1\r\nHost: t\r\n\r\n")
        assert workers.line() == "/wait"
        workers.process.send_signal(signal.SIGINT)
        answer = b""
        while chunk := sock.recv(1000):
            answer += chunk

        assert answer.startswith(b"HTTP/1.1 200 ")
        assert not answering_url(workers.url)
        assert workers.end()[0] == 0


def test_a_worker_that_was_killed_is_replaced_and_requests_go_on() -> None:
    with running() as workers:
        victim, other = workers.answering(2)
        os.kill(victim, signal.SIGKILL)

        pids = workers.answering(2)
        assert other in pids
        assert victim not in pids
        workers.process.send_signal(signal.SIGTERM)
        code, _, err = workers.end()
        assert code == 0
        assert "ended with -9, again in 0.5 s" in err


def test_workers_that_all_fail_to_start_are_given_up() -> None:
    with starting("fails") as workers:
        code, out, err = workers.end()

        assert (code, out) == (1, "")
        assert "no server process starts" in err


def test_a_worker_that_does_not_stop_is_killed() -> None:
    with running("deaf", drain=-4.5) as workers:  # with the 5 s to close: 0.5 s
        pids = workers.answering(2)
        workers.process.send_signal(signal.SIGTERM)

        assert workers.end()[0] == 1
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_workers_stop_when_their_parent_is_killed() -> None:
    with running() as workers:
        workers.answering(2)
        workers.process.kill()

        # The pipe ends when the last process that holds it has ended.
        code, out, _ = workers.end()

        assert code == -signal.SIGKILL
        assert out.split("\n").count("lifespan shutdown") == 2
        assert not answering_url(workers.url)


def test_a_port_in_use_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with starting(port=port) as workers:
            code, _, err = workers.end()

    assert code == 1
    assert re.fullmatch(rf"session-keeper: cannot listen on 127\.0\.0\.1:{port}: .+\n", err)


def test_a_companion_runs_once_beside_the_workers_is_replaced_and_stopped_with_them() -> None:
    with running(companion=[sys.executable, "-c", COMPANION]) as workers:
        name, pid, sockets = workers.line().split()
        assert (name, sockets) == ("companion", "0")
        os.kill(int(pid), signal.SIGKILL)

        name, replacement, _ = workers.line().split()
        assert name == "companion"
        assert replacement != pid
        assert len(workers.answering(2)) == 2
        workers.process.send_signal(signal.SIGTERM)
        code, out, err = workers.end()
        assert code == 0
        assert "companion" not in out
        assert "companion process ended with -9, again in 0.5 s" in err
        assert not Path(f"/proc/{replacement}").exists()


def test_workers_that_all_fail_are_given_up_whatever_the_companion_does() -> None:
    with starting("fails", companion=[sys.executable, "-c", COMPANION]) as workers:
        assert workers.end()[0] == 1


def test_workers_go_on_serving_beside_a_companion_that_does_not_start() -> None:
    with running(companion=[sys.executable, "-c", "raise SystemExit(1)"]) as workers:
        before = workers.answering(2)
        workers.wait_until_said("companion process ended with 1, again in 1.0 s")

        assert workers.answering(2) == before


def test_ctrl_c_does_not_break_a_child_that_is_still_starting() -> None:
    """The supervisor stops it; a stack, or what a command says when it is aborted, is no line of the log."""
    with running(companion=[sys.executable, "-c", INTERRUPTED]) as workers:
        said = workers.line()
        workers.process.send_signal(signal.SIGINT)
        code, _, err = workers.end()

    assert said == "lived on"
    assert code == 0
    assert "Traceback" not in err
