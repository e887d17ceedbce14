from contextlib import nullcontext

import pytest
from msgspec.structs import replace

from adapters.memory.store import MemorySessionStore
from application.ports.session_store import SessionStore
from domain.ids import SessionId
from tests.contract.session_store_contract import SessionStoreContract
from tests.contract.steps import NEWER_LEDGER, OpenStore, Spoil


class TestMemorySessionStore(SessionStoreContract):
    kind = "memory"

    @pytest.fixture
    def open_store(self) -> OpenStore:
        store = MemorySessionStore()
        return lambda: nullcontext(store)

    @pytest.fixture
    def spoil(self) -> Spoil:
        async def spoil(store: SessionStore, session_id: str) -> None:
            assert isinstance(store, MemorySessionStore)
            record = store._records[SessionId(session_id)]
            store._records[SessionId(session_id)] = replace(record, ledger=NEWER_LEDGER)

        return spoil
