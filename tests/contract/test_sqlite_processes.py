from pathlib import Path

import pytest

from tests.contract.contract_of_migrations import MigrationContract
from tests.contract.contract_of_processes import ProcessContract


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/sessions.db"


class TestSqliteProcesses(ProcessContract):
    kind = "sqlite"

    @pytest.fixture
    def store_url(self, url: str) -> str:
        return url


class TestSqliteMigrations(MigrationContract):
    kind = "sqlite"

    @pytest.fixture
    def empty_url(self, url: str) -> str:
        return url
