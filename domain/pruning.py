"""Taking out of a context what nests too deep, the largest first. Arrays stay arrays."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from domain.context import canonical_json, name_text
from domain.pointers import CONTEXT, child


@dataclass(frozen=True, slots=True, order=True)
class DeepValue:
    """A value that nests too deep.

    Attributes:
        byte_size: what goes with it, in canonical bytes; negative, so that the largest sorts first.
        pointer: to it, in the context as it was before anything was taken out.
        path: the variable's name and what leads from there to the value.
    """

    byte_size: int
    pointer: str
    path: tuple[str | int, ...]


def deep_values(name: str, text: bytes, depth_max: int) -> Iterator[DeepValue]:
    """The outermost values of a variable that nest deeper than `depth_max`; the variable itself is at 1."""
    yield from _deeper(json.loads(text), (name,), child(CONTEXT, name), depth_max)


def without_values(text: bytes, paths: set[tuple[str | int, ...]]) -> bytes:
    """A variable's canonical text without the values at these paths (the variable's name left out)."""
    return canonical_json(_without(json.loads(text), (), paths))


def _deeper(value: Any, path: tuple[str | int, ...], pointer: str, depth_max: int) -> Iterator[DeepValue]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for part, member in members:
        inner, place = (*path, part), child(pointer, part)
        if len(path) >= depth_max:
            name = len(name_text(part)) + 1 if isinstance(part, str) else 0
            yield DeepValue(-len(canonical_json(member)) - name, place, inner)
        else:
            yield from _deeper(member, inner, place, depth_max)


def _without(value: Any, path: tuple[str | int, ...], paths: set[tuple[str | int, ...]]) -> Any:
    if isinstance(value, dict):
        return {k: _without(v, (*path, k), paths) for k, v in value.items() if (*path, k) not in paths}
    if isinstance(value, list):
        return [_without(v, (*path, n), paths) for n, v in enumerate(value) if (*path, n) not in paths]
    return value
