"""The total order of events, whatever the order of their arrival."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Stamp(NamedTuple):
    """The place of an event in the order of a session's events.

    Attributes:
        microseconds: when the event occurred, since 1970.
        tie: the rank of the event's kind and a digest of what it says. It orders events of the same
            microsecond by a fixed rule; two events with equal stamps say the same, so one is a
            repetition of the other.
    """

    microseconds: int
    tie: str


BEFORE_ALL = Stamp(-(2**63), "")


def tie_of(parts: Mapping[str, object]) -> str:
    """A digest of the content of an event: twelve hexadecimal digits.

    It is stored, and compared with what other releases made of the same event: it must stay what it is.
    """
    said = "".join([f"{name}={value!r};" for name, value in parts.items()])
    return blake2b(said.encode(), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True)
class LwwRegister(Generic[T]):
    """Last-writer-wins register: a value and the stamp that set it."""

    value: T
    stamp: Stamp = BEFORE_ALL

    def updated(self, value: T | None, stamp: Stamp) -> "LwwRegister[T]":
        """The register after an event with this stamp; None as the value leaves it as it is."""
        if value is None or stamp <= self.stamp:
            return self
        return LwwRegister(value, stamp)
