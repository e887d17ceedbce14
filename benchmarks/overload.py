"""What the service does with three times the load that it can take.

    .venv/bin/python -m benchmarks.overload [--store memory|sqlite|URL] [--against OTHER_CHECKOUT] [--quick]

The top rate is found by a closed loop of 64 connections; then events come at 100 % of it, at 300 % and at
50 %, whatever the answers. Printed: answers 200 a second as a share of the top rate (goodput), latencies of
served and of refused requests from the moment each should have been sent, and how long after the fall to
50 % it takes until a tenth of a second passes without a refusal and with a p99 below 50 ms.

The generator is one process, and with two cores it takes from the service what it needs at three times the
top rate. So the CPU of both is printed, and goodput also per CPU second of the service: what it lost to its
own refusals, and not to the generator or to whatever else runs on the machine.
"""

import argparse
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from benchmarks.bench.bodies import Requests
from benchmarks.bench.open_loop import FAILED, REFUSED, SERVED, Generator, arrival_seconds
from benchmarks.bench.quartiles import percentile

ROOT = Path(__file__).parents[1]
PORT = 21_987
CONTEXT_BYTES = 2_000
CONNECTIONS = 64
CONNECTIONS_MAX = 900
BUCKET_SECONDS = 0.1
RECOVERED_MS = 50.0


@contextmanager
def running_service(checkout: Path, store: str, **settings: str) -> Iterator[psutil.Process]:
    """The service of a checkout on an empty store; `store` is memory, sqlite or a URL."""
    with tempfile.TemporaryDirectory() as directory:
        url = {"memory": "memory://", "sqlite": f"sqlite:///{directory}/sessions.db"}.get(store, store)
        environment = os.environ | {
            "PYTHONPATH": str(checkout),
            "SESSION_KEEPER_STORE_URL": url,
            "SESSION_KEEPER_PORT": str(PORT),
            "SESSION_KEEPER_SYNC_TARGET": "none",
            "SESSION_KEEPER_LOG_LEVEL": "warning",
            **{f"SESSION_KEEPER_{name.upper()}": value for name, value in settings.items()},
        }
        command = [str(checkout / ".venv/bin/python"), "-m", "entrypoints.cli"]
        if store != "memory":
            subprocess.run([*command, "migrate"], env=environment, cwd=directory, check=True)
        with subprocess.Popen([*command, "serve"], env=environment, cwd=directory) as process:
            try:
                yield psutil.Process(process.pid)
            finally:
                process.terminate()


def wait_until_ready() -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", PORT)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the service did not start")


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def recovery_seconds(generator: Generator, start: float, end: float) -> float:
    for number in range(int((end - start) / BUCKET_SECONDS)):
        since = start + number * BUCKET_SECONDS
        until = since + BUCKET_SECONDS
        served, refused, failed = (
            generator.answers.milliseconds(status, since, until) for status in (SERVED, REFUSED, FAILED)
        )
        if served and not refused and not failed and percentile(served, 0.99) < RECOVERED_MS:
            return number * BUCKET_SECONDS
    return float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What came of one rate, from `start` to `end`."""

    start: float
    end: float
    served: int
    cpu: float
    generator_cpu: float

    @property
    def rate(self) -> float:
        return self.served / (self.end - self.start)


def run_phase(generator: Generator, service: psutil.Process, send: Callable[[], object]) -> Phase:
    cpu, own, start = cpu_seconds(service), time.process_time(), time.perf_counter()
    send()
    end = time.perf_counter()
    cpu, own = cpu_seconds(service) - cpu, time.process_time() - own
    served = generator.answers.count(SERVED, start, end)
    return Phase(start=start, end=end, served=served, cpu=cpu, generator_cpu=own)


def measure(service: psutil.Process, *, quick: bool) -> None:
    wait_until_ready()
    generator = Generator(PORT, Requests(CONTEXT_BYTES).request, connections_max=CONNECTIONS_MAX)
    short, long = (3.0, 5.0) if quick else (10.0, 20.0)
    generator.closed_loop(2.0, CONNECTIONS)
    top = run_phase(generator, service, partial(generator.closed_loop, short, CONNECTIONS))
    print(f"  closed loop: {top.rate:,.0f} webhooks/s, CPU {top.cpu / top.served * 1e6:.0f} µs each")
    print(
        "  offered  sent/s  goodput  per CPU s | served/s  p50 ms  p99 ms | refused/s  p50 ms  p99 ms |"
        " failed | CPU service  generator"
    )
    phases = []
    for share, seconds in ((1.0, short), (3.0, long), (0.5, short)):
        arrivals = arrival_seconds(top.rate * share, seconds)
        phase = run_phase(generator, service, partial(generator.open_loop, arrivals, seconds))
        phases.append((share, phase))
    generator.settle()
    generator.close()
    for share, phase in phases:
        since, until = phase.start, phase.end
        served, refused, failed = (
            generator.answers.milliseconds(status, since, until) for status in (SERVED, REFUSED, FAILED)
        )
        seconds = until - since
        sent = len(served) + len(refused) + len(failed)
        print(
            f"  {share:7.0%} {sent / seconds:7,.0f} {phase.rate / top.rate:8.0%}"
            f" {phase.served / phase.cpu / (top.served / top.cpu):10.0%} |"
            f" {phase.rate:8,.0f} {percentile(served, 0.5):7.1f} {percentile(served, 0.99):7.1f} |"
            f" {len(refused) / seconds:9,.0f}"
            f" {percentile(refused, 0.5):7.1f} {percentile(refused, 0.99):7.1f} |"
            f" {len(failed):6,} | {phase.cpu / seconds:11.0%} {phase.generator_cpu / seconds:10.0%}"
        )
    fall = phases[-1][1]
    print(f"  recovered after {recovery_seconds(generator, fall.start, fall.end):.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", default="memory", help="memory, sqlite or a URL")
    parser.add_argument("--against", type=Path, help="another checkout to measure before this one")
    parser.add_argument("--quick", action="store_true", help="seconds instead of a minute")
    given = parser.parse_args()
    checkouts = [given.against.resolve()] if given.against else []
    for checkout in [*checkouts, ROOT]:
        print(f"{checkout.name} on {given.store}")
        with running_service(checkout, given.store) as service:
            measure(service, quick=given.quick)


if __name__ == "__main__":
    main()
