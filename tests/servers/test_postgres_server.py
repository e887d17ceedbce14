import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from tests.servers.postgres import (
    POSTGRES_FLAVOURS,
    WITHOUT_ROOT_BY_USER,
    PostgresMissingError,
    PostgresServer,
    available_flavours,
    find_binaries,
    open_postgres_server,
)
from tests.servers.processes import is_alive, is_listening, wait_until

PROJECT = Path(__file__).parents[2]
AS_NOBODY = WITHOUT_ROOT_BY_USER[:-1]
RUN = """
    import sys
    from tests.servers.postgres import open_postgres_server
    with open_postgres_server() as server:
        server.execute("CREATE TABLE kept (number int)")
        print(server.pid, server.port, server.directory, flush=True)
        sys.stdin.readline()
"""
LATER_RUN = """
    from tests.servers.processes import run_directory
    print(run_directory())
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    if "embedded" not in available_flavours():
        pytest.skip("no embedded PostgreSQL")
    with open_postgres_server(settings={"max_connections": "17"}) as server:
        yield server


async def fetch_value(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.mark.parametrize("postgres_flavour", POSTGRES_FLAVOURS)
async def test_every_flavour_hands_out_an_empty_durable_utf8_database(postgres_database: str) -> None:
    tables = await fetch_value(postgres_database, "SELECT count(*) FROM pg_stat_user_tables")
    encoding = await fetch_value(postgres_database, "SHOW server_encoding")
    fsync = await fetch_value(postgres_database, "SHOW fsync")

    assert (tables, encoding, fsync) == (0, "UTF8", "on")


async def test_each_test_gets_a_database_of_its_own(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    other = postgres_server.create_database()

    assert other != postgres_database
    assert await fetch_value(other, "SELECT 1") == 1


async def test_a_database_is_dropped_under_the_feet_of_its_connections(
    postgres_server: PostgresServer,
) -> None:
    dsn = postgres_server.create_database()
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("SELECT 1") == 1

    postgres_server.drop_database(dsn)

    with pytest.raises(asyncpg.PostgresError):
        await connection.fetchval("SELECT 1")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(dsn)


async def test_settings_override_the_defaults(server: PostgresServer) -> None:
    assert await fetch_value(server.dsn(), "SHOW max_connections") == "17"


async def test_what_was_committed_is_there_after_a_crash(server: PostgresServer) -> None:
    dsn = server.create_database("crashed")
    server.execute("CREATE TABLE kept AS SELECT 42 AS number", "crashed")
    family = psutil.Process(server.pid).children()

    server.kill()

    assert len(family) > 1
    assert not any(map(is_alive, family))
    assert not is_listening(server.port)

    server.start()

    assert await fetch_value(dsn, "SELECT number FROM kept") == 42
    assert "automatic recovery in progress" in server.output()


async def test_it_starts_again_after_a_stop(server: PostgresServer) -> None:
    port = server.port

    server.stop()

    assert not server.is_running
    assert not is_listening(port)

    server.start()

    assert server.port == port
    assert await fetch_value(server.dsn(), "SELECT 1") == 1


async def test_it_outlives_the_thread_that_started_it(server: PostgresServer) -> None:
    thread = threading.Thread(target=server.restart)
    thread.start()
    thread.join()

    assert await fetch_value(server.dsn(), "SELECT 1") == 1


async def test_a_paused_server_answers_nothing_until_it_is_resumed(server: PostgresServer) -> None:
    connection = await asyncpg.connect(server.dsn())
    server.pause()

    with pytest.raises(TimeoutError):
        await asyncpg.connect(server.dsn(), timeout=0.1)
    family = [psutil.Process(server.pid), *psutil.Process(server.pid).children()]
    assert {process.status() for process in family} == {psutil.STATUS_STOPPED}

    server.resume()

    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()


@pytest.mark.usefixtures("server")
def test_nothing_is_left_when_it_is_closed() -> None:
    with open_postgres_server() as server:
        pid = server.pid
        assert server.data_directory.exists()

    assert not psutil.pid_exists(pid)
    assert not server.directory.exists()


def test_a_flavour_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(PostgresMissingError, match="'path'"):
        find_binaries("path")


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can be another user")
@pytest.mark.usefixtures("server")
async def test_root_can_run_it_as_another_user() -> None:
    server = PostgresServer(find_binaries("embedded"), without_root=WITHOUT_ROOT_BY_USER)
    server.start()

    assert psutil.Process(server.pid).username() == "nobody"
    assert await fetch_value(server.dsn(), "SELECT 1") == 1

    server.close()


@pytest.mark.skipif(sys.platform != "linux", reason="needs the signal of a parent's death")
@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("user", [(), AS_NOBODY], ids=["this_user", "nobody"])
def test_it_dies_with_a_killed_test_run_and_a_later_run_removes_its_files(user: tuple[str, ...]) -> None:
    python = _python_of(user)
    with _start_runner(python, RUN) as runner:
        assert runner.stdout
        pid, port, directory = runner.stdout.readline().split()
        assert psutil.pid_exists(int(pid))
        assert is_listening(int(port))

        runner.send_signal(signal.SIGKILL)
        runner.wait()

    wait_until(lambda: not is_listening(int(port)), "the server to be gone")
    assert Path(directory).exists()

    with _start_runner(python, LATER_RUN) as runner:
        output, _ = runner.communicate(timeout=30)

    assert not Path(directory).exists()
    assert output
    assert not Path(output.strip()).exists()


def _start_runner(python: list[str], program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*python, "-B", "-W", "error", "-c", textwrap.dedent(program)],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": sysconfig.get_path("purelib")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _python_of(user: tuple[str, ...]) -> list[str]:
    """A Python that this user may start: not every one may look into the home of the one who tests."""
    if user and os.geteuid() != 0:
        pytest.skip("only root can be another user")
    probe = "import subprocess, sys, asyncpg, psutil; subprocess.run([sys.executable, '-c', ''], check=True)"
    for executable in (sys.executable, "/usr/bin/python3"):
        run = subprocess.run(
            [*user, executable, "-c", probe],
            env=os.environ | {"PYTHONPATH": sysconfig.get_path("purelib")},
            capture_output=True,
            check=False,
        )
        if run.returncode == 0:
            return [*user, executable]
    pytest.skip("this user can start no Python that has what the tests need")
