"""Help, exit codes, and what is said of settings that are wrong."""

import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.sqlite import schema
from entrypoints.cli import cli
from tests.e2e.service import QUICK, CommandProcess, ServiceProcess, environment, run_command

COMMANDS = sorted(cli.commands)
HEAVY = [
    "litestar",
    "uvicorn",
    "sqlalchemy",
    "asyncpg",
    "httpx",
    "dependency_injector",
    "entrypoints.container",
]
SECRET = "hunter2-s3cr3t-0123"
HELP = """
import sys
from entrypoints.cli import main
sys.argv = ["session-keeper", *sys.argv[1:]]
try:
    main()
finally:
    print("LOADED", *sys.modules)
"""


@pytest.mark.parametrize("arguments", [[], *([name] for name in COMMANDS)], ids=" ".join)
def test_help_is_given_without_loading_the_service(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELP, *arguments, "--help"],
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    loaded = set(done.stdout.rpartition("LOADED")[2].split())

    assert done.returncode == 0
    assert "Usage: session-keeper" in done.stdout
    assert "click" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_help_names_every_command() -> None:
    done = run_command("--help")

    assert done.returncode == 0
    assert [name for name in COMMANDS if f" {name} " not in done.stdout] == []


@pytest.mark.parametrize("word", ["version", "--version"])
def test_the_version_is_a_line_of_its_own(word: str) -> None:
    done = run_command(word)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip().replace(".", "").isdigit()


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["serve", "--port", "70000"],
        ["serve", "--no-such-option"],
        ["serve", "--workers", "0"],
        ["emulator", "--fault", "nonsense"],
        ["emulator", "--rate-window", "nan"],
        ["emulator", "--permission", "conversation"],
        ["emulator", "--permission", "none", "--permission", "a:b:c"],
        ["erase"],
        ["erase", "chat-1", "--subject", "somebody"],
        ["erase", "not a session"],
        ["erase", "--subject", ""],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_told_and_ends_with_2(arguments: list[str]) -> None:
    done = run_command(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["serve", "doctor", "erase chat-1"])
def test_every_wrong_setting_is_told_at_once_in_a_line_each(command: str, tmp_path: Path) -> None:
    secret_file = tmp_path / "secret"
    secret_file.write_text(f"postgresql://keeper:{SECRET}@db:port/keeper\n")
    wrong = {
        "STORE_URL_FILE": str(secret_file),
        "PORT": "many",
        "SYNC_MODE": "sometimes",
        "GENESYS_LOGIN_URL": f"https://user:{SECRET}@login.example",
        "API_KEYS_FILE": str(tmp_path / "absent"),
    }

    done = run_command(*command.split(), settings=wrong, directory=tmp_path)
    lines = (done.stderr + done.stdout).splitlines()

    assert done.returncode == 2
    assert len(lines) == len(wrong)
    for name, words in {
        "STORE_URL": "is a value that is not shown; it may be memory://, sqlite:///PATH or postgresql://",
        "PORT": "is 'many'; it may be an integer from 0 to 65535",
        "SYNC_MODE": "is 'sometimes'; it may be background, inline",
        "GENESYS_LOGIN_URL": "is a value that is not shown; it may be a URL",
        "API_KEYS": f"is to be read from '{tmp_path}/absent', which failed: ",
    }.items():
        assert sum(f"SESSION_KEEPER_{name} {words}" in line for line in lines) == 1, name
    assert SECRET not in "".join(lines)
    assert list(tmp_path.iterdir()) == [secret_file]


def test_settings_that_nobody_knows_are_warned_of(tmp_path: Path) -> None:
    done = run_command("migrate", settings={"STORE_URL": f"sqlite:///{tmp_path}/a.db", "PROT": "1"})

    assert done.returncode == 0
    assert "SESSION_KEEPER_PROT" in done.stderr


def test_a_setting_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(f"sqlite:///{tmp_path}/from-a-file.db\n")

    done = run_command("migrate", settings={"STORE_URL_FILE": str(tmp_path / "url")})

    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "from-a-file.db").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "keeper.example"])  # noqa: S104 - refused is what they are
def test_serve_refuses_the_network_without_secrets(host: str, tmp_path: Path) -> None:
    arguments = ["serve", "--port", "0", "--host", host]

    done = run_command(*arguments, settings={"STORE_URL": "memory://"}, directory=tmp_path)
    half = run_command(*arguments, settings={"STORE_URL": "memory://", "API_KEYS": SECRET})

    assert (done.returncode, half.returncode) == (2, 2)
    assert [line.split()[1] for line in done.stderr.splitlines()] == [
        "SESSION_KEEPER_WEBHOOK_SECRET",
        "SESSION_KEEPER_API_KEYS",
    ]
    assert len(half.stderr.splitlines()) == 1
    assert SECRET not in half.stderr


@pytest.mark.parametrize("arguments", [["serve"], ["serve", "--workers", "2"], ["emulator"]], ids=" ".join)
def test_a_port_in_use_is_told_in_one_line(arguments: list[str], tmp_path: Path) -> None:
    settings = {"STORE_URL": f"sqlite:///{tmp_path}/keeper.db", "SYNC_TARGET": "none"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_command(*arguments, "--port", port, settings=settings)

    assert done.returncode == 1
    assert done.stderr == f"session-keeper: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_serve_says_which_file_it_is_and_that_no_credentials_are_set(
    tmp_path: Path, closing: Callable[[CommandProcess], None]
) -> None:
    service = ServiceProcess(directory=tmp_path, settings={"LOG_FORMAT": "json"})
    closing(service)
    service.start()
    service.post("chat-1", {"step": 1})
    ready = service.client.get("/health/ready").json()
    assert service.stop() == 0
    records = service.records()

    (serving,) = [record for record in records if record["event"] == "serving"]
    assert serving["store"] == f"sqlite:///{tmp_path}/session-keeper.db"
    assert ready["genesys"] == "no credentials are set"
    assert [(record["level"], record["event"]) for record in records if "Genesys" in record["event"]] == [
        ("info", "no Genesys credentials are set: sessions are kept, nothing is delivered to Genesys")
    ]


def test_serve_warns_of_a_target_that_genesys_cloud_does_not_have(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        over = {"SYNC_TARGET": "messaging-sessions", "LOG_FORMAT": "json"}
        real = run_command("serve", "--port", port, settings=QUICK | over, directory=tmp_path)
        over |= {"GENESYS_API_URL": "http://127.0.0.1:1"}
        own = run_command("serve", "--port", port, settings=QUICK | over, directory=tmp_path)

    assert "Genesys Cloud itself has no messaging-sessions" in real.stderr
    assert "messaging-sessions" not in own.stderr


def test_several_workers_cannot_share_memory() -> None:
    done = run_command("serve", "--workers", "2", "--port", "0", settings={"STORE_URL": "memory://"})

    assert done.returncode == 2
    assert done.stderr.startswith("session-keeper: SESSION_KEEPER_STORE_URL is memory://")


@pytest.mark.parametrize("command", ["serve --port 0", "migrate"])
def test_a_file_that_cannot_be_made_is_named_in_one_line(command: str) -> None:
    url = "sqlite:////proc/nowhere/keeper.db"

    done = run_command(*command.split(), settings={"STORE_URL": url, "SYNC_TARGET": "none"})

    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert f"SESSION_KEEPER_STORE_URL is {url}" in done.stderr


def test_migrate_makes_the_file_and_then_has_nothing_to_do(tmp_path: Path) -> None:
    settings = {"STORE_URL": f"sqlite:///{tmp_path}/keeper.db"}

    first, second = run_command("migrate", settings=settings), run_command("migrate", settings=settings)

    taken = f"sqlite: {schema.NEWEST} step(s) taken, the schema is the newest\n"
    assert (first.returncode, first.stdout) == (0, taken)
    assert (second.returncode, second.stdout) == (0, "sqlite: 0 step(s) taken, the schema is the newest\n")
    assert stat.S_ISREG((tmp_path / "keeper.db").stat().st_mode)
