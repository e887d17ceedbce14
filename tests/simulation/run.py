# ruff: noqa: T201 - a command that prints
"""`python -m tests.simulation.run --seeds 5000`, and `--seed N` to replay one that failed, step by step."""

import argparse
import logging
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.simulation import Report, simulate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.run", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this one, and show what happens")
    parser.add_argument("--seeds", type=int, default=1000, help="how many to run")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    arguments = parser.parse_args()
    logging.disable()
    if arguments.seed is not None:
        return _replay(arguments.seed)
    return _run_many(range(arguments.first, arguments.first + arguments.seeds))


def _replay(seed: int) -> int:
    report = simulate(seed)
    print(*report.trace, sep="\n")
    _show(report)
    return 1 if report.wrong else 0


def _run_many(seeds: range) -> int:
    began = time.perf_counter()
    calls = changes = failed = 0
    with ProcessPoolExecutor(os.cpu_count(), initializer=logging.disable) as pool:
        for report in pool.map(simulate, seeds, chunksize=25):
            calls += report.calls
            changes += report.changes
            if report.wrong:
                failed += 1
                _show(report)
    took = time.perf_counter() - began
    print(f"{len(seeds)} seeds, {changes} changes, {calls} calls, {failed} failed, {took:.1f} s")
    return 1 if failed else 0


def _show(report: Report) -> None:
    verdict = "; ".join(report.wrong) or "all invariants held"
    print(f"seed {report.seed}: {report.calls} calls for {report.changes} changes: {verdict}")


if __name__ == "__main__":
    sys.exit(main())
