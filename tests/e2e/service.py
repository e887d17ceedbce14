"""The installed command as real processes: the service, its worker and the Genesys emulator."""

import json
import os
import signal
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Self

import httpx

from tests.servers.processes import (
    LOOPBACK,
    ChildProcess,
    ProcessFailedError,
    free_port,
    run_directory,
    start_process,
    wait_until,
)

COMMAND = Path(sysconfig.get_path("scripts")) / "session-keeper"
PREFIX = "SESSION_KEEPER_"
QUICK = {
    "GENESYS_CLIENT_ID": "client",
    "GENESYS_CLIENT_SECRET": "secret",
    "SYNC_TARGET": "messaging-sessions",
    "GENESYS_CALLS_PER_MINUTE": "1000000",
    "GENESYS_CALL_SECONDS": "1",
    "SYNC_POLL_SECONDS": "0.05",
    "SYNC_RETRY_MIN_SECONDS": "0.1",
    "SYNC_RETRY_MAX_SECONDS": "1",
    "SYNC_PROBE_MAX_SECONDS": "0.5",
    "SYNC_MISCONFIGURED_SECONDS": "0.5",
    "SYNC_LEASE_SECONDS": "2",
    "STORE_TIMEOUT_SECONDS": "4.5",
    "DRAIN_SECONDS": "5",
}
"""Settings under which nothing waits longer than a test wants to."""

_numbers = count(1)


def environment(settings: Mapping[str, str], variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """That of the test run (or other variables), with these settings and no other."""
    given = os.environ if variables is None else variables
    inherited = {name: value for name, value in given.items() if not name.startswith(PREFIX)}
    return inherited | {PREFIX + name: value for name, value in settings.items()}


def run_command(
    *arguments: str, settings: Mapping[str, str] | None = None, directory: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run(
        [COMMAND, *arguments],
        env=environment(settings or {}),
        cwd=directory or run_directory(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


class CommandProcess:
    """One run after the other of a command that goes on until it is stopped; all write into one file."""

    def __init__(
        self,
        *arguments: str,
        settings: Mapping[str, str] | None = None,
        before: Sequence[str | Path] = (COMMAND,),
        directory: Path | None = None,
        variables: Mapping[str, str] | None = None,
        ready_text: str = '"event": "working"',
    ) -> None:
        self.ready_text = ready_text
        self.arguments = arguments
        self.settings = dict(settings or {})
        self._before = before
        self._directory = directory
        self._variables = variables
        self.output_path = run_directory() / f"{arguments[0]}-{next(_numbers)}.log"
        self._process: ChildProcess | None = None

    @property
    def process(self) -> ChildProcess:
        if self._process is None:
            raise ProcessFailedError(f"{self.arguments[0]} was never started")
        return self._process

    def launch(self) -> Self:
        """Starts without waiting for anything."""
        self._process = start_process(
            [*self._before, *self.arguments],
            output_path=self.output_path,
            environment=environment(self.settings, self._variables),
            directory=self._directory or run_directory(),
        )
        return self

    def start(self) -> Self:
        said = self.output().count(self.ready_text)
        self.launch()
        what = f"{self.arguments[0]} to say {self.ready_text!r}"
        wait_until(lambda: self.output().count(self.ready_text) > said, what, process=self._process)
        return self

    def output(self) -> str:
        return self.output_path.read_text(errors="replace") if self.output_path.exists() else ""

    def records(self) -> list[dict[str, Any]]:
        """Its log; a line that is no JSON fails."""
        return [json.loads(line) for line in self.output().splitlines()]

    def send(self, number: signal.Signals, *, to_group: bool = False) -> None:
        """`to_group` is what a terminal does with Ctrl-C."""
        (os.killpg if to_group else os.kill)(self.process.pid, number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit code."""
        self.send(number)
        return self.process.wait(20)

    def kill(self) -> None:
        self.process.kill()

    def close(self) -> None:
        if self._process is not None and self._process.is_running:
            self._process.kill()


class EmulatorProcess(CommandProcess):
    def __init__(self, *arguments: str, port: int | None = None) -> None:
        self.port = port or free_port()
        super().__init__(
            "emulator", "--port", str(self.port), *arguments, ready_text="Genesys emulator: http"
        )
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=10)

    @property
    def settings_for_service(self) -> dict[str, str]:
        return {"GENESYS_API_URL": self.url, "GENESYS_LOGIN_URL": self.url}

    def reset(self) -> None:
        self.client.post("/emulator/reset").raise_for_status()

    def faults(self, *faults: str) -> None:
        self.client.put("/emulator/faults", json={"faults": faults}).raise_for_status()

    def change(self, **settings: float) -> None:
        self.client.put("/emulator/settings", json=settings).raise_for_status()

    def sessions(self) -> dict[str, Any]:
        """From session id to the context that Genesys holds, with what is kept of it in `persistence`."""
        sessions: dict[str, Any] = self.client.get("/emulator/state").json()["sessions"]
        return {name: document["context"] for name, document in sessions.items()}

    def writes(self) -> list[dict[str, Any]]:
        writes: list[dict[str, Any]] = self.client.get("/emulator/writes").json()["writes"]
        return writes

    def statistics(self) -> dict[str, Any]:
        statistics: dict[str, Any] = self.client.get("/emulator/stats").json()
        return statistics

    def close(self) -> None:
        self.client.close()
        super().close()


class ServiceProcess(CommandProcess):
    def __init__(
        self, *arguments: str, settings: Mapping[str, str] | None = None, port: int | None = None, **more: Any
    ) -> None:
        self.port = port or free_port()
        more = {"ready_text": '"event": "serving"'} | more
        super().__init__("serve", "--port", str(self.port), *arguments, settings=settings, **more)
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=10)

    def post(self, session_id: str, context: dict[str, Any] | None = None, **fields: Any) -> httpx.Response:
        """Sends one event; the context replaces what is there."""
        body = {"sessionId": session_id, "eventType": "session-updated", "context": context, **fields}
        sent = {name: value for name, value in body.items() if value is not None}
        return self.client.post("/webhook/messaging", json=sent)

    def read(self, session_id: str) -> dict[str, Any]:
        answer = self.client.get(f"/sessions/{session_id}")
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document

    def sync_status(self, session_id: str) -> str:
        return str(self.read(session_id)["persistence"]["syncStatus"])

    def wait_until_synced(self, *session_ids: str) -> None:
        for session_id in session_ids:
            wait_until(
                lambda name=session_id: self.sync_status(name) == "completed",  # type: ignore[misc]
                f"{session_id} to be synced",
                process=self.process,
            )

    def is_ready(self) -> bool:
        try:
            return self.client.get("/health/ready").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def wait_until_ready(self, *, ready: bool = True) -> None:
        wait_until(lambda: self.is_ready() is ready, f"ready to be {ready}", process=self.process)

    def close(self) -> None:
        self.client.close()
        super().close()
