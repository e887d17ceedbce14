from pathlib import Path

import pytest

from adapters.sqlite.store import SqliteLimits, open_sqlite_store
from tests.contract.session_store_contract import OpenStore, SessionStoreContract


class TestSqliteSessionStore(SessionStoreContract):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return lambda: open_sqlite_store(tmp_path / "sessions.db", SqliteLimits())
