"""Conversion of Python objects to JSON: what JSON cannot carry is removed and reported, never silently."""

import math
from collections.abc import Mapping
from typing import Any

from domain.errors import Violation
from domain.json_pointer import CONTEXT, child

CIRCULAR = "[Circular Reference Removed]"
NUMBER_MAX = 2**53 - 1
"""The largest integer that every JSON reader represents exactly (RFC 7493, I-JSON)."""
DEPTH_MAX = 64
VALUES_MAX = 100_000
"""Objects that share parts can expand to far more values than they hold."""

_DROPPED = object()


def without_what_json_cannot_carry(
    context: Mapping[str, object],
) -> tuple[dict[str, object], tuple[Violation, ...], tuple[Violation, ...]]:
    """The context that is left, what was removed, and what makes the event invalid."""
    walk = _Walk()
    kept = walk.mapping(context, CONTEXT, ())
    return kept, tuple(walk.removed), tuple(walk.refused)


class _Walk:
    def __init__(self) -> None:
        self.removed: list[Violation] = []
        self.refused: list[Violation] = []
        self._values = 0

    def mapping(self, value: Mapping[Any, object], pointer: str, path: tuple[int, ...]) -> dict[str, object]:
        kept = {}
        for name, member in value.items():
            if not isinstance(name, str) or not _is_text(name):
                self._remove(
                    child(pointer, repr(name)[:64]), "not_a_name", "a name that is no text was dropped"
                )
                continue
            went = self._value(member, child(pointer, name), (*path, id(value)))
            if went is not _DROPPED:
                kept[name] = went
        return kept

    def _value(self, value: object, pointer: str, path: tuple[int, ...]) -> object:
        """`path` holds the identities of the enclosing containers: only one of those makes a cycle."""
        self._values += 1
        if self._values > VALUES_MAX:
            return self._refuse(pointer, "too_many_values", f"more than {VALUES_MAX} values")
        match value:
            case None | bool():
                return value
            case str():
                return value if _is_text(value) else self._drop(pointer, "a text with a lone surrogate")
            case int() | float():
                return self._number(value, pointer)
            case dict() | list() | tuple():
                return self._container(value, pointer, path)
            case _:
                return self._drop(pointer, f"a value of type {type(value).__name__}")

    def _container(
        self,
        value: dict[object, object] | list[object] | tuple[object, ...],
        pointer: str,
        path: tuple[int, ...],
    ) -> object:
        if id(value) in path:
            self._remove(pointer, "circular_reference", "a circular reference was removed")
            return CIRCULAR
        if len(path) >= DEPTH_MAX:
            return self._refuse(pointer, "too_deep", f"nested deeper than {DEPTH_MAX}")
        if isinstance(value, dict):
            return self.mapping(value, pointer, path)
        elements = (
            self._value(element, child(pointer, place), (*path, id(value)))
            for place, element in enumerate(value)
        )
        return [element for element in elements if element is not _DROPPED]

    def _number(self, value: float, pointer: str) -> object:
        if isinstance(value, float) and not math.isfinite(value):
            return self._refuse(pointer, "not_finite", "a number is not finite")
        if abs(value) > NUMBER_MAX:
            return self._refuse(pointer, "number_out_of_range", f"a number is outside ±{NUMBER_MAX}")
        return value

    def _drop(self, pointer: str, what: str) -> object:
        self._remove(pointer, "not_json", f"{what} was dropped, JSON cannot carry it")
        return _DROPPED

    def _refuse(self, pointer: str, code: str, detail: str) -> object:
        if self._values <= VALUES_MAX + 1:
            self.refused.append(Violation(pointer, code, detail))
        return _DROPPED

    def _remove(self, pointer: str, code: str, detail: str) -> None:
        self.removed.append(Violation(pointer, code, detail))


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
