"""Where each count stands in the numbers of a process.

The labels are few and known beforehand (`application.ports.metrics`), so each count has a fixed place, and
counting is one addition at it. That is a fifth of what the counters of prometheus_client take, and works on
memory that several processes share; that library writes the answer of a scrape.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeVar

OTHER = "other"


T = TypeVar("T")


class ByLabel(dict[str, T]):
    """What belongs to each label; whatever is not known is `other`."""

    def __missing__(self, label: str) -> T:
        return self[OTHER]


@dataclass(slots=True)
class Layout:
    """Gives out places, in the order in which they are asked for."""

    count: int = 0
    names: list[str] = field(default_factory=list)

    def digest(self) -> bytes:
        """The same where every number means the same."""
        return sha256("\n".join(self.names).encode()).digest()

    def counter(self, name: str) -> int:
        return self._place(name)

    def counters(self, name: str, labels: Iterable[str]) -> ByLabel[int]:
        return ByLabel({label: self._place(f"{name} {label}") for label in [*labels, OTHER]})

    def histogram(self, name: str, bounds: Sequence[float]) -> "Distribution":
        """`bounds` are the upper ends of its buckets, in rising order."""
        first = self.count
        for bound in [*bounds, float("inf")]:
            self._place(f"{name} {bound}")
        return Distribution(tuple(bounds), first, self._place(f"{name} sum"))

    def histograms(
        self, name: str, labels: Iterable[str], bounds: Sequence[float]
    ) -> "ByLabel[Distribution]":
        return ByLabel({label: self.histogram(f"{name} {label}", bounds) for label in [*labels, OTHER]})

    def _place(self, name: str) -> int:
        self.names.append(name)
        self.count += 1
        return self.count - 1


@dataclass(frozen=True, slots=True)
class Distribution:
    """Where the counts of the buckets stand, one after the other, and the sum of what was observed."""

    bounds: tuple[float, ...]
    first: int
    sum: int

    def observe(self, numbers: "memoryview[float]", value: float) -> None:
        numbers[self.first + bisect_left(self.bounds, value)] += 1.0
        numbers[self.sum] += value

    def count(self, numbers: Sequence[float]) -> float:
        return sum(numbers[self.first : self.first + len(self.bounds) + 1])

    def buckets(self, numbers: Sequence[float]) -> list[tuple[str, float]]:
        """Each upper end with how many were at or below it."""
        found, total = [], 0.0
        for place, bound in enumerate([*self.bounds, float("inf")], self.first):
            total += numbers[place]
            found.append(("+Inf" if bound == float("inf") else str(bound), total))
        return found
