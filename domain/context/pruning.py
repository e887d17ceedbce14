"""Pruning: removes the values of a context that nest too deep, the largest first. Arrays stay arrays."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from domain.context.variables import canonical_byte_size, canonical_json, name_text
from domain.excerpts import listed, shortened
from domain.json_pointer import CONTEXT, pointer_to

SHOWN_MAX = 32
SHOWN_BYTES_MAX = 512

Path = tuple[str | int, ...]
"""A variable's name, then the names and indexes from its value down to the value that is meant."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was pruned from a context, as a report of bounded size.

    Attributes:
        pointers: to the first SHOWN_MAX; one longer than SHOWN_BYTES_MAX is cut, and ends in an ellipsis.
        count: of all values that were removed; a value inside another removed one is not counted.
    """

    pointers: tuple[str, ...] = ()
    count: int = 0

    @classmethod
    def of(cls, paths: Sequence[Path]) -> "Pruned":
        shown = (shortened(pointer_to(path, root=CONTEXT), SHOWN_BYTES_MAX) for path in paths[:SHOWN_MAX])
        return cls(tuple(shown), len(paths))

    def __str__(self) -> str:
        return listed(self.pointers, self.count, separator=" ")


NOTHING_PRUNED = Pruned()


@dataclass(frozen=True, slots=True)
class PrunedValues:
    """What was pruned from some variables.

    Attributes:
        texts: the canonical texts of the changed variables.
        dropped: the paths of the removed values in the variables as they were, in the order of removal.
    """

    texts: Mapping[str, bytes]
    dropped: tuple[Path, ...]


def without_deep_values(texts: Mapping[str, bytes], *, depth_max: int, excess: int) -> PrunedValues:
    """Removes deep values until `excess` bytes are gone, or until none is left.

    A variable's own value is at depth 1. Of those deeper than `depth_max`, each with all that is in it, the
    largest goes first; of equally large ones the first in the canonical document. Linear in the length of
    the texts, but for sorting the sizes.
    """
    plain = {name: json.loads(text) for name, text in sorted(texts.items())}
    holders: list[_Holder] = []
    for name, value in plain.items():
        _find_holders(value, (name,), depth_max, holders)
    deep = [(size, holder, part) for holder in holders for part, size in holder.sizes()]
    deep.sort(key=itemgetter(0), reverse=True)
    dropped: list[Path] = []
    for size, holder, part in deep:
        if excess <= 0:
            break
        excess -= size + holder.drop(part)
        dropped.append((*holder.path, part))
    for holder in holders:
        holder.close()
    changed = {str(path[0]) for path in dropped}
    return PrunedValues({name: canonical_json(plain[name]) for name in changed}, tuple(dropped))


@dataclass(slots=True, eq=False)
class _Holder:
    """An object or array at the greatest allowed depth: its members are too deep."""

    path: Path
    value: Any
    gone: set[str | int] = field(default_factory=set)

    def sizes(self) -> Iterator[tuple[str | int, int]]:
        """Each member with its canonical bytes, name and colon included, the comma beside it left out."""
        for part, member in _members(self.value):
            name = len(name_text(part)) + 1 if isinstance(part, str) else 0
            yield part, name + canonical_byte_size(member)

    def drop(self, part: str | int) -> int:
        """Marks a member as dropped; gives the bytes of the comma that goes with it: 0 for the last."""
        self.gone.add(part)
        return 1 if len(self.gone) < len(self.value) else 0

    def close(self) -> None:
        """Removes the dropped members in one pass: one by one would be quadratic for an array."""
        if not self.gone:
            return
        if isinstance(self.value, dict):
            for part in self.gone:
                del self.value[part]
        else:
            self.value[:] = [m for place, m in enumerate(self.value) if place not in self.gone]


def _members(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _find_holders(value: Any, path: Path, depth_max: int, found: list[_Holder]) -> None:
    if not isinstance(value, dict | list):
        return
    if len(path) >= depth_max:
        found.append(_Holder(path, value))
        return
    for part, member in _members(value):
        _find_holders(member, (*path, part), depth_max, found)
