"""The contract holds for a store whose queries lag, as long as it is given time to settle before them."""

from collections.abc import Sequence
from contextlib import nullcontext
from copy import copy
from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.memory.store import MemorySessionStore
from application.ports.session_store import FailedSyncs, SessionStore, SyncBacklog
from domain.ids import SessionId
from tests.contract.session_store_contract import SessionStoreContract
from tests.contract.steps import NEWER_LEDGER, OpenStore, Spoil


class LaggingStore(MemorySessionStore):
    """Queries are answered by the indexes as they were when it settled last."""

    def __init__(self) -> None:
        super().__init__()
        self._indexed = MemorySessionStore()

    def settle(self) -> None:
        for name, value in vars(self).items():
            if name != "_indexed":
                setattr(self._indexed, name, _copied(value))

    async def due_for_sync(self, *arguments: Any, **options: Any) -> Sequence[SessionId]:
        return await self._indexed.due_for_sync(*arguments, **options)

    async def expired(self, *arguments: Any, **options: Any) -> Sequence[SessionId]:
        return await self._indexed.expired(*arguments, **options)

    async def of_subject(self, *arguments: Any, **options: Any) -> Sequence[SessionId]:
        return await self._indexed.of_subject(*arguments, **options)

    async def backlog(self, now: datetime) -> SyncBacklog:
        return await self._indexed.backlog(now)

    async def failed_by_code(self, now: datetime) -> Sequence[FailedSyncs]:
        return await self._indexed.failed_by_code(now)

    async def failed_syncs(self, *arguments: Any, **options: Any) -> Sequence[SessionId]:
        return await self._indexed.failed_syncs(*arguments, **options)

    async def audit_count(self) -> int:
        return await self._indexed.audit_count()


def _copied(value: Any) -> Any:
    """Containers anew, down to what never changes."""
    again = copy(value)
    if isinstance(again, dict):
        for key, each in again.items():
            again[key] = _copied(each)
    elif hasattr(again, "_buckets"):
        again._buckets, again._numbers = _copied(again._buckets), list(again._numbers)
    return again


class TestLaggingStore(SessionStoreContract):
    @pytest.fixture
    def lagging(self) -> LaggingStore:
        return LaggingStore()

    @pytest.fixture(autouse=True)
    def settling(self, lagging: LaggingStore) -> None:
        self._lagging = lagging

    async def settle(self) -> None:
        self._lagging.settle()

    @pytest.fixture
    def open_store(self, lagging: LaggingStore) -> OpenStore:
        return lambda: nullcontext(lagging)

    @pytest.fixture
    def spoil(self) -> Spoil:
        async def spoil(store: SessionStore, session_id: str) -> None:
            assert isinstance(store, LaggingStore)
            record = store._records[SessionId(session_id)]
            store._records[SessionId(session_id)] = replace(record, ledger=NEWER_LEDGER)

        return spoil
