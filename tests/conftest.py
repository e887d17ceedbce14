"""Real servers, handed out to every test that asks for one, and the rules of the whole suite."""

import os
from collections.abc import Iterator

import pytest

from tests.scale import load_hypothesis_profile
from tests.servers.postgres import PostgresFlavour, PostgresMissingError, PostgresServer, PostgresServers

load_hypothesis_profile()


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
