"""docs/performance.md and its plots, from the figures of a run alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.bench.plots import Chart, Row
from benchmarks.bench.quartiles import Quartiles
from benchmarks.bench.results import Figure, Results, figures
from benchmarks.bench.sections import CONTEXT_BYTES, PROCESSES, SHARES
from benchmarks.bench.subjects import ROOT, Kind
from benchmarks.bench.tables import (
    checks_table,
    commit_lines,
    concurrency_table,
    main_table,
    measured,
    open_table,
    processes_table,
    sizes_table,
)

PAGE: Final = ROOT / "docs" / "performance.md"
BEGIN: Final = "<!-- bench: written by make bench -->"
END: Final = "<!-- /bench -->"
HEAD_LINES: Final = 2

CHECKS_SAID: Final = (
    "Ratios of medians; 2 KB, 64 connections and one server process where nothing else is said."
)
MAIN_SAID: Final = "Contexts of 2 KB, 64 connections, one server process, a closed loop"
OPEN_SAID: Final = (
    "An open loop at 50 % and 80 % of each one's own top rate. Latency counts from the moment at which a "
    "webhook was meant to be sent."
)
SIZES_SAID: Final = "Webhooks a second, with 64 connections, by the size of the context."
CONCURRENCY_SAID: Final = "By the number of connections; contexts of 2 KB, latencies in ms."
PROCESSES_SAID: Final = (
    "64 connections. Generator and database share the cores: with two of them there is little to gain."
)


def write_page(results: Results, page: Path = PAGE) -> None:
    """Renews what stands between the markers, and the plots in the folder beside the page."""
    charts = charts_of(results)
    plots = page.with_suffix("")
    plots.mkdir(parents=True, exist_ok=True)
    for old in plots.glob("*.svg"):
        old.unlink()
    for name, chart in charts.items():
        (plots / f"{name}.svg").write_text(chart.svg(), encoding="utf-8")
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    generated = "\n".join(generated_lines(results, {name: f"{plots.name}/{name}.svg" for name in charts}))
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{generated}\n\n{END}{after}", encoding="utf-8")


def generated_lines(results: Results, plots: dict[str, str]) -> Iterator[str]:
    """`plots` maps the name of a chart to where it is found from the page."""
    yield f"Measured on {results.date}, on this machine:"
    yield ""
    yield "; ".join(f"{name} {value}" for name, value in results.machine.items()) + "."
    if results.quick:
        yield ""
        yield "**This was a quick run, with few and short rounds: read no more than shapes from it.**"
    if failed := results.errors():
        yield ""
        yield f"**Requests failed in {len(failed)} measurements, which prove nothing.**"
    yield from _part("What it is held to", CHECKS_SAID, checks_table(results), {})
    rounds = f"{MAIN_SAID}; medians of {results.rounds_of('main')} rounds."
    yield from _part("Side by side", rounds, main_table(results), _these(plots, "throughput", "cpu"))
    yield from _part(
        "When webhooks do not wait for each other", OPEN_SAID, open_table(results), _these(plots, "latency")
    )
    yield from _part("Larger and smaller contexts", SIZES_SAID, sizes_table(results), _these(plots, "sizes"))
    connections = concurrency_table(results)
    if measured(results, "concurrency"):
        connections += ["", *commit_lines(results)]
    yield from _part("More and fewer connections", CONCURRENCY_SAID, connections, {})
    yield from _part(
        "Two server processes", PROCESSES_SAID, processes_table(results), _these(plots, "processes")
    )


def charts_of(results: Results) -> dict[str, Chart]:
    """A chart for each part that was measured."""
    loads = [f"{100 * share:.0f} %" for share in SHARES]
    rates, latencies = [_Bars("rate")], [_Bars("p99_ms", load=load) for load in loads]
    sizes = [_Bars("rate", context_bytes=size) for size in CONTEXT_BYTES]
    charts = {
        "throughput": Chart(
            title="Webhooks a second: 2 KB, 64 connections, one process",
            series=["median"],
            rows=_rows(results, "main", rates),
        ),
        "cpu": Chart(
            title="CPU seconds for 1,000 webhooks",
            series=["server", "database"],
            rows=_rows(results, "main", [_Bars("server_cpu"), _Bars("database_cpu")]),
            form=".3f",
            stacked=True,
        ),
        "latency": Chart(
            title="p99 in ms under an open loop, at shares of each one's top rate (logarithmic)",
            series=loads,
            rows=_rows(results, "open", latencies),
            form=",.1f",
            logarithmic=True,
        ),
        "sizes": Chart(
            title="Webhooks a second by size of the context",
            series=[f"{size / 1_000:g} KB" for size in CONTEXT_BYTES],
            rows=_rows(results, "sizes", sizes),
        ),
        "processes": Chart(
            title="Webhooks a second with one and with two server processes",
            series=["one", "two"],
            rows=_rows(results, "processes", [_Bars("rate", processes=count) for count in PROCESSES]),
        ),
    }
    return {name: chart for name, chart in charts.items() if chart.rows}


@dataclass(frozen=True, slots=True)
class _Bars:
    """Which samples a bar shows, and what of them."""

    figure: Figure
    load: str = "closed"
    context_bytes: int = 2_000
    processes: int = 1

    def of(self, results: Results, section: str, subject: str) -> Quartiles | None:
        samples = results.select(
            section, subject, load=self.load, context_bytes=self.context_bytes, processes=self.processes
        )
        return figures(samples, self.figure)


def _rows(results: Results, section: str, bars: list[_Bars]) -> list[Row]:
    return [
        Row(
            name=subject.title,
            ours=subject.kind is Kind.KEEPER,
            values=[bar.of(results, section, subject.name) for bar in bars],
        )
        for subject in measured(results, section)
    ]


def _these(plots: dict[str, str], *names: str) -> dict[str, str]:
    return {name: plots[name] for name in names if name in plots}


def _part(heading: str, said: str, lines: list[str], plots: dict[str, str]) -> Iterator[str]:
    """Nothing, when nothing was measured: a table of two lines has no rows."""
    if len(lines) > HEAD_LINES:
        yield from ("", f"## {heading}", "", said, "")
        for name, path in plots.items():
            yield from (f"![{name}]({path})", "")
        yield from lines
