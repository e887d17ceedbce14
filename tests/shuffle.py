"""Another order of the tests, to find those that lean on others: `KEEPER_TEST_SHUFFLE=7 make test`."""

import random
from collections.abc import Hashable, Iterable
from itertools import groupby
from typing import Protocol, TypeVar

SEED_VARIABLE = "KEEPER_TEST_SHUFFLE"


class _InFile(Protocol):
    @property
    def path(self) -> Hashable: ...


Test = TypeVar("Test", bound=_InFile)


def shuffled(tests: Iterable[Test], seed: str) -> list[Test]:
    """The files in another order, and in each file its tests; the same for the same seed.

    The tests of one file stay together, as they do on a desk and on each of many workers.
    """
    chance = random.Random(seed)
    files = [list(of_file) for _, of_file in groupby(tests, key=lambda test: test.path)]
    chance.shuffle(files)
    for of_file in files:
        chance.shuffle(of_file)
    return [test for of_file in files for test in of_file]
