from contextlib import nullcontext

import pytest

from adapters.memory.store import MemorySessionStore
from tests.contract.session_store_contract import SessionStoreContract
from tests.contract.steps import OpenStore


class TestMemorySessionStore(SessionStoreContract):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        store = MemorySessionStore()
        return lambda: nullcontext(store)
