"""Every store that is registered is held to every contract that concerns it."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from adapters.storage.backend import Backend
from entrypoints.stores import STORES
from tests.contract.contract_of_migrations import MigrationContract
from tests.contract.contract_of_processes import ProcessContract
from tests.contract.session_store_contract import SessionStoreContract

CONTRACTS: list[type] = [SessionStoreContract, ProcessContract, MigrationContract]


def subclasses() -> Iterator[type]:
    """As pytest collects them: classes with the name of a test in the files of this folder."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = import_module(f"tests.contract.{path.stem}")
        yield from (
            thing
            for name, thing in vars(module).items()
            if name.startswith("Test") and isinstance(thing, type) and thing.__module__ == module.__name__
        )


def wanted(backend: Backend) -> set[str]:
    """A store that no other process can open has neither races between processes nor a schema."""
    return {each.__name__ for each in (CONTRACTS if backend.is_shared else CONTRACTS[:1])}


@pytest.mark.parametrize("backend", STORES.all, ids=lambda backend: backend.kind)
def test_a_registered_store_is_held_to_every_contract(backend: Backend) -> None:
    held = {
        contract.__name__
        for contract in CONTRACTS
        for each in subclasses()
        if issubclass(each, contract) and getattr(each, "kind", None) == backend.kind
    }

    assert held == wanted(backend)
