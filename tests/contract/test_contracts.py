"""The contracts themselves: each adapter runs them as if no other did, in whatever order."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.contract_of_processes import ProcessContract
from tests.contract.session_store_contract import SessionStoreContract

PROJECT = Path(__file__).parents[2]
TWO_SUBCLASSES = """
from contextlib import nullcontext

import pytest

from tests.scale import load_hypothesis_profile

load_hypothesis_profile()

from adapters.memory.store import MemorySessionStore
from tests.contract.contract_of_convergence import ConvergenceContract


class One(ConvergenceContract):
    @pytest.fixture
    def open_store(self):
        store = MemorySessionStore()
        return lambda: nullcontext(store)


class Other(One):
    pass
"""


@pytest.mark.parametrize("order", [("One", "Other"), ("Other", "One")])
def test_two_subclasses_run_in_one_process_in_either_order(tmp_path: Path, order: tuple[str, str]) -> None:
    path = tmp_path / "test_two.py"
    path.write_text(TWO_SUBCLASSES)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:xdist"),
            *("--confcutdir", tmp_path, "--rootdir", PROJECT, "-c", PROJECT / "pyproject.toml"),
            *(
                "-o",
                f"cache_dir={tmp_path}/cache",
                "-o",
                "python_classes=One Other",
                *(f"{path}::{name}" for name in order),
            ),
        ],
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )

    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("contract", [SessionStoreContract, ProcessContract])
def test_no_contract_shares_a_function_of_hypothesis_with_its_subclasses(contract: type) -> None:
    tests = {name: getattr(contract, name) for name in dir(contract) if name.startswith("test_")}
    assert tests

    assert [name for name, test in tests.items() if getattr(test, "is_hypothesis_test", False)] == []
