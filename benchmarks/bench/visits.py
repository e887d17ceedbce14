"""One visit to one subject: its server is started on an empty store, warmed up, loaded and stopped."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.bench.bodies import Requests, write_templates
from benchmarks.bench.closed_loop import Load, run_closed_loop
from benchmarks.bench.open_loop import run_open_loop
from benchmarks.bench.resources import cpu_seconds, memory_mib
from benchmarks.bench.results import Sample
from benchmarks.bench.stores import Stores
from benchmarks.bench.subjects import ROOT, Store, Subject
from tests.servers.processes import ChildProcess, free_port, start_process, wait_until

EVENTS_A_MEASUREMENT: Final = 1_000_000
"""Events are numbered over the whole visit, so that none repeats what its session holds already."""
SETTLE_SECONDS: Final = 0.2


@dataclass(slots=True)
class Visit:
    subject: Subject
    processes: int
    port: int
    server: ChildProcess
    database_pid: int | None
    directory: Path
    _firsts: Iterator[int] = field(default_factory=lambda: count(0, EVENTS_A_MEASUREMENT))

    def warm_up(self, seconds: float, *, context_bytes: int = 2_000, connections: int = 64) -> None:
        self._closed(context_bytes, connections, seconds)

    def closed(
        self, section: str, number: int, seconds: float, *, context_bytes: int = 2_000, connections: int = 64
    ) -> Sample:
        """A measurement in a closed loop."""
        return self._sample(
            section, number, "closed", context_bytes, connections,
            lambda: self._closed(context_bytes, connections, seconds),
        )  # fmt: skip

    def opened(self, section: str, number: int, seconds: float, *, share: float, rate: float) -> Sample:
        """A measurement in an open loop, at a share of the top rate."""
        requests = Requests(2_000)
        return self._sample(
            section, number, f"{100 * share:.0f} %", 2_000, 64,
            lambda: run_open_loop(
                self.port, requests, rate=share * rate, seconds=seconds, first=next(self._firsts)
            ),
        )  # fmt: skip

    def _closed(self, context_bytes: int, connections: int, seconds: float) -> Load:
        templates = self.directory / f"{context_bytes}.txt"
        if not templates.exists():
            write_templates(context_bytes, templates)
        return run_closed_loop(
            self.port, templates, connections=connections, seconds=seconds, first=next(self._firsts)
        )

    def _sample(
        self,
        section: str,
        number: int,
        load: str,
        context_bytes: int,
        connections: int,
        run: Callable[[], Load],
    ) -> Sample:
        time.sleep(SETTLE_SECONDS)
        server, database = cpu_seconds(self.server.pid), self._database_seconds()
        seen = run()
        server, after = cpu_seconds(self.server.pid) - server, self._database_seconds()
        thousands = max(seen.requests, 1) / 1_000
        return Sample(
            section=section,
            subject=self.subject.name,
            round=number,
            load=load,
            context_bytes=context_bytes,
            connections=connections,
            processes=self.processes,
            rate=round(seen.rate, 1),
            p50_ms=round(seen.p50_ms, 3),
            p99_ms=round(seen.p99_ms, 3),
            errors=seen.errors,
            server_cpu=round(server / thousands, 5),
            database_cpu=None
            if database is None or after is None
            else round((after - database) / thousands, 5),
            memory_mib=round(memory_mib(self.server.pid), 1),
        )

    def _database_seconds(self) -> float | None:
        return None if self.database_pid is None else cpu_seconds(self.database_pid)


@contextmanager
def visit(subject: Subject, stores: Stores, *, processes: int = 1) -> Iterator[Visit]:
    port = free_port()
    with stores.fresh(subject) as url, TemporaryDirectory() as directory:
        log = Path(directory) / "server.log"
        server = start_process(
            subject.command(port, processes),
            output_path=log,
            environment=os.environ | subject.environment(port, processes, url),
            directory=ROOT,
        )
        database = stores.database_pid if subject.store is Store.POSTGRESQL else None
        visited = Visit(subject, processes, port, server, database, Path(directory))
        try:
            wait_until(lambda: _answers(port), f"{subject.name} to answer", process=server)
            yield visited
        finally:
            server.stop()


def _answers(port: int) -> bool:
    """Whether a first webhook was taken in; until then it may listen and not be ready."""
    try:
        return run_open_loop(port, Requests(300), rate=100, seconds=0.03, first=999_000_000).errors == 0
    except OSError:
        return False
