from pathlib import Path

import pytest

from adapters.sqlite.store import SqliteLimits, open_sqlite_store
from tests.contract.session_store_contract import SessionStoreContract
from tests.contract.steps import OpenStore


class TestSqliteSessionStore(SessionStoreContract):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return lambda: open_sqlite_store(tmp_path / "sessions.db", SqliteLimits())
