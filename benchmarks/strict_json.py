"""What strict decoding costs beside plain `msgspec.json.decode`.

Run it with `.venv/bin/python benchmarks/strict_json.py`.

Each round runs every decoder on the same clean body, one after the other, so that a slow moment of the
machine falls on all of them; the table shows medians over all rounds.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Final

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from adapters.event_json.json_scanner import find_violations
from adapters.event_json.strict_json import JsonLimits, decode_strictly

ROUNDS: Final = 2_000
LIMITS: Final = JsonLimits()


def clean_body(byte_size: int) -> bytes:
    """A session event with a context of nested customers' records, at least `byte_size` bytes long."""
    records: list[object] = []
    event = {
        "eventId": "4f1c2e9e-0e12-4e16-9e99-b0a1c2d3e4f5",
        "occurredAt": "2026-03-04T10:11:12.123Z",
        "context": {"channel": "web messaging", "language": "sv-SE", "records": records},
    }
    while len(body := msgspec.json.encode(event)) < byte_size:
        number = len(records)
        records.append({
            "id": f"7d1f{number:04x}-9c1e-4b52-8f3a-1c2d3e4f5a6b",
            "name": "Zoë Müller-Ångström",
            "email": f"zoe.{number}@example.org",
            "note": "Called about the latest invoice.\nWants a callback: tomorrow, before noon.",
            "score": number * 3 + 0.5,
            "open": number % 2 == 0,
            "address": {"street": "Långgatan 7", "city": "Malmö", "postalCode": "211 20"},
            "tags": ["vip", "renewal", "日本語"],
        })  # fmt: skip
    return body


def medians_microseconds(decoders: Mapping[str, Callable[[bytes], object]], body: bytes) -> dict[str, float]:
    nanoseconds: dict[str, list[int]] = {name: [] for name in decoders}
    for _ in range(ROUNDS):
        for name, decode in decoders.items():
            start = perf_counter_ns()
            decode(body)
            nanoseconds[name].append(perf_counter_ns() - start)
    return {name: median(times) / 1_000 for name, times in nanoseconds.items()}


def main() -> None:
    decoders: dict[str, Callable[[bytes], object]] = {
        "msgspec.json.decode": msgspec.json.decode,
        "decode_strictly": lambda body: decode_strictly(body, LIMITS),
        "exact scan alone": lambda body: find_violations(body, LIMITS),
        "json.loads": json.loads,
    }
    print(f"{'body':>10}  {'decoder':<20} {'median µs':>10} {'ratio':>7}")
    for byte_size in (2_000, 8_000):
        body = clean_body(byte_size)
        medians = medians_microseconds(decoders, body)
        for name, microseconds in medians.items():
            ratio = microseconds / medians["msgspec.json.decode"]
            print(f"{len(body):>8} B  {name:<20} {microseconds:>10.1f} {ratio:>7.2f}")


if __name__ == "__main__":
    main()
