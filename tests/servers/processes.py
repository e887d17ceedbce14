"""Child processes that write to a file and die with the test run."""

import atexit
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.005
WORKERS_APART = 16
RUN_DIRECTORY_PREFIX = "keeper-tests-"

# A wrapper, not a preexec_fn: that one may deadlock in a process with threads.
DIE_WITH_PARENT = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the test run is gone")
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
os.execvp(sys.argv[2], sys.argv[2:])
"""

# PR_SET_PDEATHSIG means the parent's thread: the one that starts children has to outlive all of them.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")
_started: set["ChildProcess"] = set()
_ports_given: set[int] = set()


class ProcessFailedError(Exception):
    """A process ended, or did not become ready in time; the message holds the end of its output."""


class ChildProcess:
    def __init__(self, popen: subprocess.Popen[bytes], output_path: Path) -> None:
        self._popen = popen
        self.pid = popen.pid
        self.output_path = output_path

    @property
    def is_running(self) -> bool:
        return self._popen.poll() is None

    def output(self) -> str:
        return self.output_path.read_text(errors="replace")

    def wait(self, timeout_seconds: float = 30) -> int:
        status = self._popen.wait(timeout_seconds)
        _started.discard(self)
        return status

    def stop(self, with_signal: signal.Signals = signal.SIGTERM, timeout_seconds: float = 30) -> None:
        """Asks the process to end, and kills it when it does not."""
        self.resume()
        self._popen.send_signal(with_signal)
        try:
            self.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Ends the process and all its descendants at once; none of them can react to another's end."""
        family = self._freeze()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.wait()
        wait_until(lambda: not any(map(is_alive, family)), "the killed processes to be gone")

    def pause(self) -> None:
        self._freeze()

    def resume(self) -> None:
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def _family(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            return [process, *process.children(recursive=True)]
        return []

    def _freeze(self) -> list[psutil.Process]:
        frozen: list[psutil.Process] = []
        while found := [process for process in self._family() if process not in frozen]:
            for process in found:
                with suppress(psutil.NoSuchProcess):
                    process.suspend()
            frozen += found
        return frozen


def start_process(
    command: Sequence[str | Path],
    *,
    output_path: Path,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> ChildProcess:
    """Starts a command whose output, both streams, is added to a file."""
    arguments = [str(part) for part in command]
    if sys.platform == "linux":
        arguments = [sys.executable, "-I", "-S", "-c", DIE_WITH_PARENT, str(os.getpid()), *arguments]

    def start() -> subprocess.Popen[bytes]:
        with output_path.open("ab") as output:
            return subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=directory,
                start_new_session=True,
            )

    process = ChildProcess(_spawner.submit(start).result(), output_path)
    _started.add(process)
    return process


def free_port() -> int:
    """A loopback port outside the range from which the system takes ports for outgoing connections.

    It is free only until somebody takes it, so that nobody else of this run may be given it: below 22000
    tests bind what they find at once, and each worker of pytest-xdist has every 16th port to itself.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS_APART
    while True:
        port = 22_000 + secrets.randbelow(10_000 // WORKERS_APART) * WORKERS_APART + worker
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            if port not in _ports_given:
                _ports_given.add(port)
                return port


def wait_until(
    condition: Callable[[], bool],
    what: str,
    *,
    process: ChildProcess | None = None,
    timeout_seconds: float = 60,
) -> None:
    """Polls; a process that ends while it is waited for is an error at once.

    Raises:
        ProcessFailedError: the process has ended, or the time is over.
    """
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        output = process.output()[-2_000:] if process else ""
        if process and not process.is_running:
            raise ProcessFailedError(f"ended while waiting for {what}\n{output}")
        if time.monotonic() > deadline:
            raise ProcessFailedError(f"waited {timeout_seconds} s in vain for {what}\n{output}")
        time.sleep(POLL_SECONDS)


def wait_until_listening(port: int, *, host: str = LOOPBACK, process: ChildProcess | None = None) -> None:
    wait_until(lambda: is_listening(port, host=host), f"{host}:{port} to listen", process=process)


def is_listening(port: int, *, host: str = LOOPBACK) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


@cache
def run_directory() -> Path:
    """A directory for this run, removed at its end, or by a later run if this one is killed."""
    temporary = Path(tempfile.gettempdir())
    for abandoned in temporary.glob(f"{RUN_DIRECTORY_PREFIX}*-*"):
        owner = abandoned.name.removeprefix(RUN_DIRECTORY_PREFIX).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(abandoned, ignore_errors=True)
    directory = Path(tempfile.mkdtemp(prefix=f"{RUN_DIRECTORY_PREFIX}{os.getpid()}-", dir=temporary))
    directory.chmod(0o711)  # a server that runs as another user has to pass through
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


def is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


@atexit.register
def _kill_what_is_left() -> None:
    for process in tuple(_started):
        process.kill()
