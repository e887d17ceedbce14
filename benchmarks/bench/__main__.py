"""Session Keeper beside what people run instead: throughput, latency, CPU and memory, in one run, turn about.

    make bench                                    everything: about 25 minutes on two cores
    make bench ARGS=--quick                       one short round of most: about 4 minutes
    make bench ARGS="--only keeper express-pg --sections main sizes --output /tmp/some.json"
    make bench ARGS="--render --output PATH"      the page and its plots anew, from figures measured before

It needs Linux, wrk, Node.js with npm, and the packages of `make install-dev`. Figures are written to
`--output`, and from them docs/performance.md and its plots. The exit code is 1 when a request failed.
"""

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.bench.machine import describe_machine
from benchmarks.bench.page import PAGE, write_page
from benchmarks.bench.peers import install_peers
from benchmarks.bench.results import Results, load, save
from benchmarks.bench.sections import FULL, QUICK, SECTIONS, Run
from benchmarks.bench.stores import open_stores
from benchmarks.bench.subjects import ROOT, SUBJECTS, Subject
from benchmarks.bench.tables import lines_for_terminal

OUTPUT: Final = ROOT / "benchmarks" / "results" / "bench.json"


def main() -> int:
    given = _arguments()
    results = load(given.output) if given.render else measure(given)
    if given.render or not given.no_page:
        write_page(results)
        print(f"{PAGE.relative_to(ROOT)} is renewed")
    print("\n".join(lines_for_terminal(results)))
    for sample in results.errors():
        print(f"FAILED: {sample.errors} errors: {sample.section}, {sample.subject}, round {sample.round + 1}")
    return 1 if results.errors() else 0


def measure(given: argparse.Namespace) -> Results:
    subjects = _chosen(given.only)
    install_peers(subjects)
    results = Results(
        date=datetime.now(UTC).date().isoformat(),
        quick=given.quick,
        machine=describe_machine(),
        sections=given.sections,
    )
    started = time.monotonic()
    with open_stores() as stores:
        run = Run(QUICK if given.quick else FULL, subjects, stores, results, _speaker(started))
        for section in given.sections:
            try:
                SECTIONS[section](run)
            finally:  # what was measured until then is not lost with a server that failed
                save(results, given.output)
    return results


def _speaker(started: float) -> Callable[[str], None]:
    return lambda line: print(f"{time.monotonic() - started:6.0f} s  {line}", flush=True)


def _chosen(names: list[str]) -> list[Subject]:
    """By whole names or how they begin."""
    chosen = [subject for name, subject in SUBJECTS.items() if not names or name.startswith(tuple(names))]
    return chosen or sys.exit(f"--only takes names, or how they begin, of: {', '.join(SUBJECTS)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one short round of most")
    parser.add_argument("--only", nargs="+", default=[], metavar="SUBJECT", help=", ".join(SUBJECTS))
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where the figures are written")
    parser.add_argument("--no-page", action="store_true", help="leave docs/performance.md as it is")
    parser.add_argument("--render", action="store_true", help="measure nothing: only write the page")
    given = parser.parse_args()
    given.sections = [section for section in SECTIONS if section in given.sections]
    if "open" in given.sections and "main" not in given.sections:
        parser.error("the section open needs the top rates of the section main")
    return given


if __name__ == "__main__":
    sys.exit(main())
