"""The service at 70 % of its top rate for as long as you like: does it grow, does it slow down?

    .venv/bin/python -m benchmarks.soak [--store memory|sqlite|URL] [--minutes 30] [--out DIR]

Sessions live for 60 s and audit entries for 60 s, so after two minutes as much goes as comes. Each minute
has the p50 and p99 of an open loop, counted from when each webhook should have been sent, and the memory
(RSS) of the service. Printed and written as soak-STORE.json and soak-STORE.svg: the minutes, the slope of
memory by least squares over all but the first three minutes, and the first and the last five of those.
"""

import argparse
import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks.bench.bodies import Requests
from benchmarks.bench.open_loop import FAILED, REFUSED, SERVED, Answers, Generator, arrival_seconds
from benchmarks.bench.quartiles import percentile
from benchmarks.overload import (
    CONNECTIONS,
    CONNECTIONS_MAX,
    CONTEXT_BYTES,
    PORT,
    ROOT,
    cpu_seconds,
    running_service,
    wait_until_ready,
)
from benchmarks.sync_plot import line_chart

SHARE = 0.7
LIFE_SECONDS = 60
WARM_MINUTES = 3
COMPARED_MINUTES = 5
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    served: int
    refused: int
    failed: int
    p50_ms: float
    p99_ms: float
    cpu_us: float
    memory_mib: float


def soak(service: psutil.Process, minutes: int) -> list[Minute]:
    wait_until_ready()
    requests = Requests(CONTEXT_BYTES, ttl_seconds=LIFE_SECONDS)
    generator = Generator(PORT, requests.request, connections_max=CONNECTIONS_MAX)
    generator.closed_loop(2.0, CONNECTIONS)
    rate = SHARE * generator.closed_loop(10.0, CONNECTIONS)
    print(f"{rate:,.0f} webhooks/s, {SHARE:.0%} of the top rate")
    print("minute    served  refused  failed   p50 ms   p99 ms   CPU us each   memory MiB")
    done = []
    for number in range(1, minutes + 1):
        generator.answers, cpu = Answers(), cpu_seconds(service)
        generator.open_loop(arrival_seconds(rate, 60.0, seed=number), 60.0)
        done.append(minute_of(generator.answers, cpu_seconds(service) - cpu, service.memory_info().rss))
        one = done[-1]
        print(
            f"{number:6} {one.served:9,} {one.refused:8,} {one.failed:7,} {one.p50_ms:8.1f} {one.p99_ms:8.1f}"
            f" {one.cpu_us:13.0f} {one.memory_mib:12.1f}",
            flush=True,
        )
    generator.settle()
    generator.close()
    return done


def minute_of(answers: Answers, cpu: float, memory_bytes: int) -> Minute:
    served = answers.milliseconds(SERVED)
    return Minute(
        served=len(served),
        refused=len(answers.milliseconds(REFUSED)),
        failed=len(answers.milliseconds(FAILED)),
        p50_ms=percentile(served, 0.5),
        p99_ms=percentile(served, 0.99),
        cpu_us=cpu / max(1, len(served)) * 1e6,
        memory_mib=memory_bytes / MEBIBYTE,
    )


def drift(minutes: list[Minute]) -> str:
    """What changed over the minutes after the first three."""
    steady = minutes[WARM_MINUTES:]
    if len(steady) < 2:  # noqa: PLR2004 - of one there is no slope
        return "too short to say"
    memory = [one.memory_mib for one in steady]
    slope = statistics.linear_regression(range(len(memory)), memory).slope
    count = min(COMPARED_MINUTES, len(steady) // 2)
    first, last = steady[:count], steady[-count:]
    lines = [f"memory: {slope:+.2f} MiB a minute"]
    for name in ("memory_mib", "p50_ms", "p99_ms", "cpu_us"):
        before, after = (statistics.median(getattr(one, name) for one in some) for some in (first, last))
        lines.append(f"{name}: median of the first {count} {before:.1f}, of the last {count} {after:.1f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", default="memory", help="memory, sqlite or a URL")
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path(), help="where the two files go")
    given = parser.parse_args()
    settings = {"audit_retention_seconds": str(LIFE_SECONDS), "eviction_interval_seconds": "1"}
    with running_service(ROOT, given.store, **settings) as service:
        minutes = soak(service, given.minutes)
    print(drift(minutes))
    name = given.store.partition(":")[0]
    (given.out / f"soak-{name}.json").write_text(json.dumps([asdict(one) for one in minutes], indent=1))
    lines = {
        text: [(float(number), getattr(one, key)) for number, one in enumerate(minutes, 1)]
        for text, key in (("memory, MiB", "memory_mib"), ("p99, ms", "p99_ms"), ("p50, ms", "p50_ms"))
    }
    (given.out / f"soak-{name}.svg").write_text(line_chart(f"70 % load on {name}", "minutes", lines))


if __name__ == "__main__":
    main()
