"""What a run measured, as it stands in benchmarks/results: one line for each measurement."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from benchmarks.bench.quartiles import Quartiles

Figure = Literal["rate", "p50_ms", "p99_ms", "server_cpu", "database_cpu", "memory_mib"]


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement of one subject. CPU is in seconds for 1,000 webhooks; None: there is no database.

    `load` is `closed`, or `50 %` and `80 %` of the top rate in an open loop.
    """

    section: str
    subject: str
    round: int
    load: str
    context_bytes: int
    connections: int
    processes: int
    rate: float
    p50_ms: float
    p99_ms: float
    errors: int
    server_cpu: float
    database_cpu: float | None = None
    memory_mib: float


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """The median time of one plain commit, in milliseconds: an INSERT of one context."""

    store: str
    round: int
    ms: float


class Results(msgspec.Struct, kw_only=True):
    date: str
    quick: bool
    machine: dict[str, str]
    sections: list[str]
    samples: list[Sample] = []
    commits: list[Commit] = []

    def select(
        self,
        section: str,
        subject: str,
        *,
        load: str = "closed",
        context_bytes: int = 2_000,
        connections: int = 64,
        processes: int = 1,
    ) -> list[Sample]:
        wanted = (section, subject, load, context_bytes, connections, processes)
        return [sample for sample in self.samples if _place(sample) == wanted]

    def rounds_of(self, section: str) -> int:
        return 1 + max((sample.round for sample in self.samples if sample.section == section), default=-1)

    def commit_ms(self, store: str) -> float | None:
        known = [commit.ms for commit in self.commits if commit.store == store]
        return Quartiles.of(known).median if known else None

    def errors(self) -> list[Sample]:
        return [sample for sample in self.samples if sample.errors or not sample.rate]


def figures(samples: Iterable[Sample], figure: Figure) -> Quartiles | None:
    """Of all rounds; None: it was not measured."""
    known = [value for sample in samples if (value := getattr(sample, figure)) is not None]
    return Quartiles.of(known) if known else None


def save(results: Results, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.encode(results).decode()
    for separator in ('{"section"', '{"store"', '"samples"', '"commits"', '"machine"'):
        text = text.replace(separator, "\n" + separator)
    path.write_text(text + "\n")


def load(path: Path) -> Results:
    return msgspec.json.decode(path.read_bytes(), type=Results)


def _place(sample: Sample) -> tuple[str, str, str, int, int, int]:
    return (
        sample.section,
        sample.subject,
        sample.load,
        sample.context_bytes,
        sample.connections,
        sample.processes,
    )
