"""The register of stores."""

import subprocess
import sys
from contextlib import nullcontext
from typing import Any

import pytest

from adapters.storage.backend import Backend, Backends, UnknownKind
from entrypoints.stores import STORES


async def nothing(*_: Any) -> str:
    return ""


def backend(**values: Any) -> Backend:
    defaults = {"kind": "x", "example": "x://", "pattern": "x://", "open": nullcontext, "migrate": nothing}
    return Backend(**{**defaults, **values})


def test_a_store_is_found_by_each_of_its_schemes() -> None:
    assert STORES.of("postgres://db/x") is STORES.of("postgresql://db/x") is STORES.of("PostgreSQL://db/x")
    assert {each.kind for each in STORES.all} >= {"memory", "sqlite", "postgresql"}


def test_a_kind_that_is_not_there_is_refused_and_the_nearest_is_named() -> None:
    stores = Backends(backend(kind="mongodb"), backend(kind="dynamodb"))

    with pytest.raises(UnknownKind, match=r"no store of the kind 'mongo' \(did you mean mongodb\?\)"):
        stores.of("mongo://u:hunter2@db/x")


def test_a_driver_that_is_not_installed_is_named_with_what_to_install() -> None:
    with_an_extra = backend(kind="mongodb", extra="mongodb", needs=("sys", "no_such_driver"))
    without = backend(kind="y", needs=("no_such_driver", "no_such_toolkit"))

    assert with_an_extra.missing == "mongodb needs no_such_driver: pip install 'session-keeper[mongodb]'"
    assert without.missing == (
        "y needs no_such_driver, no_such_toolkit: pip install no_such_driver no_such_toolkit"
    )
    assert all(each.missing is None for each in STORES.all)


def test_the_register_imports_no_driver() -> None:
    """Settings read it, and `--help` and the other stores must not pay for drivers."""
    drivers = sorted({name for each in STORES.all for name in each.needs} | {"sqlite3"})
    program = f"import sys, entrypoints.stores; print([n for n in {drivers} if n in sys.modules])"

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
