from contextlib import nullcontext

import pytest
from msgspec.structs import replace

from adapters.memory.store import MemorySessionStore
from application.ports.session_store import SessionStore
from domain.ids import SessionId
from domain.sync.state import SyncLane
from tests.contract.session_store_contract import SessionStoreContract
from tests.contract.steps import NEWER_LEDGER, OpenStore, Spoil, deciding
from tests.factories import at, event


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


class Session(str):
    """A session id that counts how often it was compared for order."""

    __slots__ = ()
    comparisons = 0

    def __lt__(self, other: str) -> bool:
        Session.comparisons += 1
        return super().__lt__(other)


async def test_an_update_of_one_among_many_of_the_same_moment_compares_it_with_none_of_them() -> None:
    """They stood in one sorted list, which was searched and moved for each that came or went."""
    store = MemorySessionStore()
    for number in range(500):
        session_id = Session(f"s{number % 100:02}")
        decide = deciding(event({"a": number}, session_id=SessionId(session_id)))
        await store.update(SessionId(session_id), decide)

    assert Session.comparisons == 0
    due = await store.due_for_sync(at(0), lane=SyncLane.LIVE, limit=1000)
    assert due == sorted(f"s{number:02}" for number in range(100))
    assert Session.comparisons > 0
