"""The emulator behind a real uvicorn on a loopback port, in a thread."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn

from adapters.genesys_emulator.app import create_emulator
from adapters.genesys_emulator.settings import EmulatorSettings


@dataclass
class SettableClock:
    now: float = 1_767_268_800.0  # 2026-01-01T12:00:00Z

    def __call__(self) -> float:
        return self.now


@dataclass
class RunningEmulator:
    port: int
    clock: SettableClock
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=30)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start_over(self) -> None:
        self.clock.now = SettableClock.now
        self.client.post("/emulator/reset").raise_for_status()

    def log_in(
        self,
        client_id: str = "client",
        client_secret: str = "secret",  # noqa: S107 - of an emulator
    ) -> dict[str, str]:
        """The header that authorizes a call."""
        answer = self.client.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, auth=(client_id, client_secret)
        )
        answer.raise_for_status()
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def faults(self, *faults: str | dict[str, Any]) -> None:
        self.client.put("/emulator/faults", json={"faults": list(faults)}).raise_for_status()

    def writes(self, since: int = 0) -> list[dict[str, Any]]:
        answer = self.client.get("/emulator/writes", params={"since": since})
        answer.raise_for_status()
        writes: list[dict[str, Any]] = answer.json()["writes"]
        return writes


@contextlib.contextmanager
def running_emulator(
    settings: EmulatorSettings | None = None, *, http: str = "auto"
) -> Iterator[RunningEmulator]:
    clock = SettableClock()
    app = create_emulator(settings or EmulatorSettings(), clock=clock)
    config = uvicorn.Config(
        app, http=http, ws="none", log_config=None, access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with _listening_socket() as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the emulator did not start"
            time.sleep(0.005)
        emulator = RunningEmulator(listener.getsockname()[1], clock)
        try:
            yield emulator
        finally:
            emulator.client.close()
            server.should_exit = True
            thread.join(timeout=10)
    assert not thread.is_alive()


def _listening_socket() -> socket.socket:
    for port in range(20_000, 32_000):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(128)
        except OSError:
            listener.close()
        else:
            return listener
    raise OSError("no free port")
