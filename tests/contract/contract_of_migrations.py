"""What the migration of a store that other processes can open does, whatever its schema."""

import asyncio

import pytest

from adapters.storage.backend import StoreLimits
from entrypoints.stores import STORES
from tests.contract.steps import take, variables
from tests.contract.worker import open_store
from tests.factories import event, merge


async def migrate(url: str) -> str:
    return await STORES.of(url).migrate(url, StoreLimits())


class MigrationContract:
    """Subclass it and give `empty_url`, of a place where no store has ever been, and its `kind`."""

    @pytest.fixture
    def empty_url(self) -> str:
        raise NotImplementedError

    async def test_a_migrated_store_takes_sessions_and_a_second_migration_leaves_them(
        self, empty_url: str
    ) -> None:
        await migrate(empty_url)
        async with open_store(empty_url) as store:
            await store.ping()
            await take(store, event({"a": 1}))

        await migrate(empty_url)

        async with open_store(empty_url) as store:
            assert await variables(store) == {"a"}

    async def test_a_migration_does_not_disturb_a_store_that_is_open(self, empty_url: str) -> None:
        await migrate(empty_url)
        async with open_store(empty_url) as store:
            updates = [asyncio.create_task(take(store, merge({f"v{n}": n}))) for n in range(50)]
            await migrate(empty_url)
            await asyncio.gather(*updates)

            assert await variables(store) == {f"v{n}" for n in range(50)}

    async def test_migrations_at_once_all_succeed(self, empty_url: str) -> None:
        await asyncio.gather(*(migrate(empty_url) for _ in range(4)))

        async with open_store(empty_url) as store:
            await take(store, event({"a": 1}))
            assert await variables(store) == {"a"}
