"""The sync engine under everything that can go wrong, in virtual time.

More seeds: `python -m tests.simulation.run --seeds 5000`.
"""

import logging
from collections.abc import Iterator

import pytest

from tests.simulation.simulation import simulate

SEEDS = 300
LOT = 20


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("first", range(0, SEEDS, LOT))
def test_every_session_settles_and_genesys_holds_the_newest_state(first: int) -> None:
    reports = [simulate(seed) for seed in range(first, first + LOT)]

    wrong = [f"--seed {report.seed}: {'; '.join(report.wrong)}" for report in reports if report.wrong]
    assert not wrong, "python -m tests.simulation.run " + wrong[0]


def test_a_seed_replays_exactly() -> None:
    first, second = simulate(17), simulate(17)

    assert first == second
    assert len(first.trace) > 5
