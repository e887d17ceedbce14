"""What Session Keeper is held to: ratios between medians of one run, 2 KB, 64 connections, one process."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.bench.results import Figure, Results, figures

PEERS_BEATEN: Final = ("express-memory", "express-pg")
STORES: Final = ("memory", "sqlite", "postgresql")
COMMIT_MARGIN_MS: Final = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`found` and `bound` are in the unit that the name says."""

    name: str
    found: float
    bound: float
    at_most: bool = False

    @property
    def passed(self) -> bool:
        return self.found <= self.bound if self.at_most else self.found >= self.bound


def checks_of(results: Results) -> list[Check]:
    """Those whose figures were measured."""
    return [*_rates(results), *_latencies(results), *_cpu(results), *_alone(results), *_sizes(results)]


def _rates(results: Results) -> Iterator[Check]:
    for keeper, peer, bound in (
        ("postgresql", "express-pg", 2.0),
        ("postgresql", "express-memory", 1.0),
        ("sqlite", "express-memory", 1.0),
        ("memory", "express-memory", 1.4),
    ):
        ours, theirs = _main(results, f"keeper-{keeper}", "rate"), _main(results, peer, "rate")
        if ours and theirs:
            yield Check(name=f"{keeper}: rate, × that of {peer}", found=ours / theirs, bound=bound)


def _latencies(results: Results) -> Iterator[Check]:
    ours = _main(results, "keeper-postgresql", "p99_ms")
    for peer in PEERS_BEATEN:
        theirs = _main(results, peer, "p99_ms")
        if ours and theirs:
            name = f"postgresql: p99, × that of {peer}"
            yield Check(name=name, found=ours / theirs, bound=1.0, at_most=True)


def _cpu(results: Results) -> Iterator[Check]:
    ours = _main(results, "keeper-memory", "server_cpu")
    typed = _main(results, "litestar-typed", "server_cpu")
    if ours and typed:
        name = "memory: CPU a webhook, × that of litestar-typed"
        yield Check(name=name, found=ours / typed, bound=1.5, at_most=True)


def _alone(results: Results) -> Iterator[Check]:
    for store in ("sqlite", "postgresql"):
        samples = results.select("concurrency", f"keeper-{store}", connections=1)
        ours, commit = figures(samples, "p50_ms"), results.commit_ms(store)
        if ours and commit is not None:
            yield Check(
                name=f"{store}: p50 with one connection, ms (a plain commit took {commit:.2f} ms)",
                found=ours.median,
                bound=commit + COMMIT_MARGIN_MS,
                at_most=True,
            )


def _sizes(results: Results) -> Iterator[Check]:
    for store in STORES:
        large, medium = (
            figures(results.select("sizes", f"keeper-{store}", context_bytes=size), "rate")
            for size in (8_000, 2_000)
        )
        if large and medium and medium.median:
            name = f"{store}: rate with 8 KB, × that with 2 KB"
            yield Check(name=name, found=large.median / medium.median, bound=0.6)


def _main(results: Results, subject: str, figure: Figure) -> float:
    """The median; 0: it was not measured."""
    known = figures(results.select("main", subject), figure)
    return known.median if known else 0.0
