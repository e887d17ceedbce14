"""The processes of the demo: the service and the emulator, which end with it whatever happens."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from adapters.asgi_server.supervisor import die_with_parent
from entrypoints.settings import PREFIX

SERVICE_PORT = 3000
EMULATOR_PORT = 3001
START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 10.0
LOG_LINES_SHOWN = 5


class DemoFailed(Exception):
    """The demo cannot go on; the text says why."""


@dataclass(frozen=True, slots=True)
class DemoPlaces:
    """Where everything is."""

    service_url: str
    emulator_url: str
    database: Path
    logs: Path


def port_to_use(wanted: int | None, usual: int, option: str) -> int:
    """The port that is wanted, which must be free; without a wish the usual one, or any if that is taken.

    Raises:
        DemoFailed: somebody has the port that is wanted.
    """
    if wanted is not None:
        found = _free(wanted)
        if found is None:
            raise DemoFailed(f"port {wanted} is taken: give another {option}, or none, for any that is free")
        return found
    found = _free(usual) or _free(0)
    if found is None:
        raise DemoFailed("no port is free")
    return found


def _free(port: int) -> int | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        found: int = probe.getsockname()[1]
        return found


@asynccontextmanager
async def demo_processes(
    directory: Path, *, port: int | None, emulator_port: int | None
) -> AsyncIterator[DemoPlaces]:
    """Both processes, ready to be used."""
    port = port_to_use(port, SERVICE_PORT, "--port")
    emulator_port = port_to_use(emulator_port, EMULATOR_PORT, "--emulator-port")
    places = DemoPlaces(
        service_url=f"http://127.0.0.1:{port}",
        emulator_url=f"http://127.0.0.1:{emulator_port}",
        database=directory / "session-keeper-demo.db",
        logs=directory,
    )
    settings = {
        "STORE_URL": f"sqlite:///{places.database}",
        "GENESYS_API_URL": places.emulator_url,
        "GENESYS_LOGIN_URL": places.emulator_url,
        "GENESYS_CLIENT_ID": "demo",
        "GENESYS_CLIENT_SECRET": "demo",
        "LOG_FORMAT": "json",
    }
    emulator = ["emulator", "--port", str(emulator_port)]
    service = ["serve", "--port", str(port)]
    async with (
        _running("emulator", emulator, emulator_port, directory, {}),
        _running("service", service, port, directory, settings),
    ):
        yield places


@asynccontextmanager
async def _running(
    name: str, arguments: list[str], port: int, directory: Path, settings: Mapping[str, str]
) -> AsyncIterator[None]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    environment |= {PREFIX + key: value for key, value in settings.items()}
    log = directory / f"{name}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # the folder that we are in is no place to import from
            "-m",
            "entrypoints.cli",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
    try:
        await _wait_until_listening(name, process, port, log)
        yield
    finally:
        await _stop(process)


async def _wait_until_listening(name: str, process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    for _ in range(int(START_SECONDS_MAX * 20)):
        if process.returncode is not None:
            break
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
    raise DemoFailed(f"the {name} did not start:\n{_last_lines(log)}")


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:])


async def _stop(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS_MAX):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
