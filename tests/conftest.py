"""Real servers, handed out to every test that asks for one, and the rules of the whole suite."""

import os
from collections.abc import Iterator

import pytest

from tests.scale import load_hypothesis_profile
from tests.servers.postgres import PostgresFlavour, PostgresMissingError, PostgresServer, PostgresServers
from tests.shuffle import SEED_VARIABLE, shuffled

load_hypothesis_profile()

for _name in tuple(os.environ):
    if _name.startswith(("SESSION_KEEPER_", "PG")):
        del os.environ[_name]  # settings of whoever runs the tests; the service and its drivers read them


def pytest_report_header() -> list[str]:
    seed = os.environ.get(SEED_VARIABLE)
    return [f"{SEED_VARIABLE}={seed}"] if seed else []


@pytest.hookimpl(tryfirst=True)  # pytest then brings together again what shares a parameter of a fixture
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if seed := os.environ.get(SEED_VARIABLE):
        items[:] = shuffled(items, seed)


@pytest.fixture(scope="session")
def postgres_servers() -> Iterator[PostgresServers]:
    servers = PostgresServers()
    yield servers
    servers.close()


@pytest.fixture
def postgres_flavour() -> PostgresFlavour:
    """To run on others: `@pytest.mark.parametrize("postgres_flavour", POSTGRES_FLAVOURS)`."""
    return "embedded"


@pytest.fixture(scope="session")
def postgres_server(postgres_servers: PostgresServers) -> PostgresServer:
    return _running(postgres_servers, "embedded")


@pytest.fixture
def postgres_database(postgres_servers: PostgresServers, postgres_flavour: PostgresFlavour) -> Iterator[str]:
    """The DSN of a fresh, empty database."""
    dsn = _running(postgres_servers, postgres_flavour).create_database()
    yield dsn
    _running(postgres_servers, postgres_flavour).drop_database(dsn)


def _running(servers: PostgresServers, flavour: PostgresFlavour) -> PostgresServer:
    try:
        return servers.get(flavour)
    except PostgresMissingError as missing:
        if flavour == "embedded" and os.environ.get("CI") == "true":
            pytest.fail(f"CI has every server: {missing}")
        pytest.skip(str(missing))
