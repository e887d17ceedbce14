"""Tables of a run, in Markdown: medians, and quartiles where many rounds were measured."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from benchmarks.bench.quartiles import Quartiles
from benchmarks.bench.results import Figure, Results, Sample, figures
from benchmarks.bench.sections import CONNECTIONS, CONTEXT_BYTES, PROCESSES, SHARES
from benchmarks.bench.subjects import SUBJECTS, Kind, Subject
from benchmarks.bench.targets import checks_of

NONE: Final = "–"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The first column is text; the others are numbers, set to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def main_table(results: Results) -> list[str]:
    head = ["", "webhooks/s", "quartiles", "p50 ms", "p99 ms", "CPU s per 1,000: server", "database", "MiB"]
    subjects = measured(results, "main")
    return table(head, ((title(one), *_main_cells(results.select("main", one.name))) for one in subjects))


def open_table(results: Results) -> list[str]:
    loads = [f"{100 * share:.0f} %" for share in SHARES]
    head = ["", *(f"{load}: {figure}" for load in loads for figure in ("webhooks/s", "p50 ms", "p99 ms"))]

    def cells(subject: Subject) -> Iterator[str]:
        for load in loads:
            samples = results.select("open", subject.name, load=load)
            yield from (_count(samples, "rate"), _ms(samples, "p50_ms"), _ms(samples, "p99_ms"))

    return table(head, ((title(subject), *cells(subject)) for subject in measured(results, "open")))


def sizes_table(results: Results) -> list[str]:
    head = ["", *(f"{size / 1_000:g} KB" for size in CONTEXT_BYTES), "8 KB ÷ 2 KB"]

    def cells(subject: Subject) -> Iterator[str]:
        rates = {}
        for size in CONTEXT_BYTES:
            samples = results.select("sizes", subject.name, context_bytes=size)
            rates[size] = figures(samples, "rate")
            yield _count(samples, "rate")
        large, medium = rates[8_000], rates[2_000]
        yield f"{large.median / medium.median:.2f}" if large and medium and medium.median else NONE

    return table(head, ((title(subject), *cells(subject)) for subject in measured(results, "sizes")))


def concurrency_table(results: Results) -> list[str]:
    head = ["", *(f"{count}: {figure}" for count in CONNECTIONS for figure in ("webhooks/s", "p50", "p99"))]

    def cells(subject: Subject) -> Iterator[str]:
        for count in CONNECTIONS:
            samples = results.select("concurrency", subject.name, connections=count)
            yield from (_count(samples, "rate"), _ms(samples, "p50_ms"), _ms(samples, "p99_ms"))

    rows = ((title(subject), *cells(subject)) for subject in measured(results, "concurrency"))
    return table(head, rows)


def commit_lines(results: Results) -> list[str]:
    known = {store: results.commit_ms(store) for store in ("sqlite", "postgresql")}
    said = [f"{ms:.2f} ms on {store}" for store, ms in known.items() if ms is not None]
    return [f"One plain commit, alone on the same disk: {', '.join(said)} (p50)."] if said else []


def processes_table(results: Results) -> list[str]:
    head = [
        "",
        *(f"{count}: webhooks/s" for count in PROCESSES),
        "2 ÷ 1",
        *(f"{n}: p99 ms" for n in PROCESSES),
    ]

    def cells(subject: Subject) -> Iterator[str]:
        one, two = (results.select("processes", subject.name, processes=count) for count in PROCESSES)
        rates = figures(one, "rate"), figures(two, "rate")
        yield from (_count(one, "rate"), _count(two, "rate"))
        yield (
            f"{rates[1].median / rates[0].median:.2f}" if rates[0] and rates[1] and rates[0].median else NONE
        )
        yield from (_ms(one, "p99_ms"), _ms(two, "p99_ms"))

    rows = ((title(subject), *cells(subject)) for subject in measured(results, "processes"))
    return table(head, rows)


def checks_table(results: Results) -> list[str]:
    rows = [
        (
            check.name,
            f"{check.found:.2f}",
            f"{'≤' if check.at_most else '≥'} {check.bound:.2f}",
            "pass" if check.passed else "**fail**",
        )
        for check in checks_of(results)
    ]
    return table(["", "measured", "wanted", ""], rows) if rows else []


def lines_for_terminal(results: Results) -> list[str]:
    return [*main_table(results), "", *checks_table(results)]


def measured(results: Results, section: str) -> list[Subject]:
    names = {sample.subject for sample in results.samples if sample.section == section}
    return [subject for name, subject in SUBJECTS.items() if name in names]


def title(subject: Subject) -> str:
    return f"**{subject.title}**" if subject.kind is Kind.KEEPER else subject.title


def _main_cells(samples: list[Sample]) -> Iterator[str]:
    rates = figures(samples, "rate")
    yield _count(samples, "rate")
    yield f"{rates.low:,.0f} – {rates.high:,.0f}" if rates else NONE
    yield from (_ms(samples, "p50_ms"), _ms(samples, "p99_ms"))
    yield _shown(figures(samples, "server_cpu"), ".3f")
    yield _shown(figures(samples, "database_cpu"), ".3f")
    yield _count(samples, "memory_mib")


def _count(samples: list[Sample], figure: Figure) -> str:
    return _shown(figures(samples, figure), ",.0f")


def _ms(samples: list[Sample], figure: Figure) -> str:
    return _shown(figures(samples, figure), ",.1f")


def _shown(known: Quartiles | None, form: str) -> str:
    return format(known.median, form) if known else NONE
