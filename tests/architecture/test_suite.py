"""The suite's own rules: what it finds does not depend on the machine, nor on the order of the tests."""

import os
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, settings

from tests.shuffle import SEED_VARIABLE, shuffled

TESTS = Path(__file__).parents[1]
PROFILE_WORDS = ("deadline=", "derandomize=", "database=", "register_profile(", "load_profile(")
"""What belongs into the one profile."""


def test_hypothesis_measures_no_time_and_keeps_no_examples() -> None:
    rules = settings()

    assert rules.deadline is None
    assert rules.database is None
    assert HealthCheck.too_slow in rules.suppress_health_check
    assert HealthCheck.differing_executors not in rules.suppress_health_check


def test_settings_of_hypothesis_stand_in_one_place() -> None:
    saying = {
        str(path.relative_to(TESTS))
        for path in TESTS.rglob("*.py")
        if "import hypothesis" in (text := path.read_text()) or "from hypothesis" in text
        if any(word in text for word in PROFILE_WORDS)
    }

    assert saying == {"scale.py", "architecture/test_suite.py"}


@dataclass(frozen=True)
class _Item:
    path: str
    number: int


def test_shuffling_keeps_files_together_loses_nothing_and_repeats_itself() -> None:
    items = [_Item(f"test_{file}.py", number) for file in "abcdefgh" for number in range(10)]
    one, again, other = (shuffled(items, seed) for seed in ("1", "1", "2"))

    assert one == again
    assert len({tuple(order) for order in (items, one, other)}) == 3
    for order in (one, other):
        assert sorted(order, key=items.index) == items
        changes_of_file = sum(a.path != b.path for a, b in pairwise(order))
        assert changes_of_file == 7
        assert [item.path for item in order] != [item.path for item in items]


def collected(**environment: str) -> list[str]:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:xdist"),
            *("tests/unit/test_stamps.py", "tests/unit/test_instants.py"),
        ],
        cwd=TESTS.parent,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_the_seed_in_the_environment_shuffles_what_pytest_runs() -> None:
    in_order, shuffled_once = (collected(**{SEED_VARIABLE: seed}) for seed in ("", "1"))

    assert len(in_order) >= 8
    assert shuffled_once != in_order
    assert sorted(shuffled_once) == sorted(in_order)


def test_settings_of_whoever_runs_the_tests_are_not_seen() -> None:
    assert [name for name in os.environ if name.startswith(("SESSION_KEEPER_", "PG"))] == []
