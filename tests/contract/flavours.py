"""A database server that outlives a test, for those who share what is in it."""

import os

import pytest

from tests.servers.postgres import PostgresFlavour, PostgresMissingError, PostgresServer, PostgresServers


def running(servers: PostgresServers, flavour: PostgresFlavour) -> PostgresServer:
    """Skips the test where there is none; fails it where there has to be one."""
    try:
        return servers.get(flavour)
    except PostgresMissingError as missing:
        if flavour == "embedded" and os.environ.get("CI") == "true":
            pytest.fail(f"CI has every server: {missing}")
        pytest.skip(str(missing))
