"""What a command loads before it has something to say: a start is quick as long as this is little."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.service import environment

ROOT = Path(__file__).parents[2]
DRIVERS = {"alembic", "asyncpg", "sqlalchemy"}
HEAVY = DRIVERS | {
    "adapters",
    "application",
    "asyncio",
    "dependency_injector",
    "domain",
    "httpx",
    "jsonschema_rs",
    "litestar",
    "msgspec",
    "prometheus_client",
    "stamina",
    "structlog",
    "uvicorn",
}
LOADED = """
import json, sys
from entrypoints.cli import main
sys.argv = json.loads(sys.argv[1])
try:
    main()
finally:
    loaded = sorted({name.partition(".")[0] for name in sys.modules})
    print("\\n" + json.dumps([sys.argv[1], loaded]))
"""


def loaded_by(*arguments: str, settings: dict[str, str] | None = None) -> set[str]:
    """The packages that are loaded when the command has ended."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, json.dumps(["session-keeper", *arguments])],
        env=environment(settings or {}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    _, packages = json.loads(done.stdout.splitlines()[-1])
    assert {"entrypoints", "click"} <= set(packages), done.stderr
    return set(packages)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["version"],
        ["serve", "--help"],
        ["serve", "--port", "none"],
        ["unknown"],
        ["erase"],
        ["sync", "retry"],
    ],
)
def test_help_versions_and_wrong_usage_load_no_part_of_the_service(arguments: list[str]) -> None:
    assert not loaded_by(*arguments) & HEAVY


def test_a_wrong_setting_is_said_before_server_and_container_are_loaded() -> None:
    loaded = loaded_by("serve", settings={"PORT": "none"})

    assert "msgspec" in loaded
    assert not loaded & (HEAVY - {"adapters", "application", "asyncio", "domain", "jsonschema_rs", "msgspec"})


SERVED = """
import asyncio, json, sys
import entrypoints.commands.serve
from entrypoints.asgi import ServiceApp
from entrypoints.processes import open_board
from entrypoints.settings import load_settings

async def start():
    async with app.open():
        print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))

app = ServiceApp(load_settings(json.loads(sys.argv[1])), with_loops=True, board=open_board(None))
asyncio.run(start())
"""


def test_a_server_loads_what_calls_genesys_and_shows_metrics_when_it_is_asked_to(tmp_path: Path) -> None:
    settings = {
        "SESSION_KEEPER_STORE_URL": f"sqlite:///{tmp_path}/keeper.db",
        "SESSION_KEEPER_GENESYS_CLIENT_ID": "id",
        "SESSION_KEEPER_GENESYS_CLIENT_SECRET": "secret",
    }
    done = subprocess.run(
        [sys.executable, "-c", SERVED, json.dumps(settings)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    loaded = set(json.loads(done.stdout))
    assert "litestar" in loaded
    assert not loaded & (DRIVERS | {"httpx", "prometheus_client", "stamina"})
