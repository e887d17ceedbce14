import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from adapters.sqlite.store import open_sqlite_store
from adapters.storage.backend import StoreLimits
from application.ports.session_store import SessionStore
from tests.contract.session_store_contract import SessionStoreContract
from tests.contract.steps import NEWER_LEDGER, OpenStore, Spoil


class TestSqliteSessionStore(SessionStoreContract):
    kind = "sqlite"

    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return lambda: open_sqlite_store(tmp_path / "sessions.db", StoreLimits())

    @pytest.fixture
    def spoil(self, tmp_path: Path) -> Spoil:
        async def spoil(_: SessionStore, session_id: str) -> None:
            with closing(sqlite3.connect(tmp_path / "sessions.db")) as other, other:
                arguments = (NEWER_LEDGER, session_id)
                other.execute("UPDATE sessions SET ledger = ? WHERE session_id = ?", arguments)

        return spoil
