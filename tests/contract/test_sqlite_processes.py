from pathlib import Path

import pytest

from tests.contract.contract_of_processes import ProcessContract


class TestSqliteProcesses(ProcessContract):
    @pytest.fixture
    def store_url(self, tmp_path: Path) -> str:
        return str(tmp_path / "sessions.db")
