"""Frozen values built at half the cost: the codec builds some twenty for every webhook.

The `__init__` of a frozen dataclass goes through `object.__setattr__` for each field, because its own
`__setattr__` refuses. Here the slots are set directly. The values are the same in every respect.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def quick(cls: Callable[P, T]) -> Callable[P, T]:
    """A constructor of the same signature, but that every field must be given.

    Raises:
        TypeError: the class is no dataclass, or its own construction does more than to set its fields.
    """
    built: Callable[P, T] = _function(cls, ", ".join(_names(cls)), "{name}")
    return built


def quick_copy(cls: type[T]) -> Callable[[object], T]:
    """A function that takes every field from the attribute of that name of another object.

    Raises:
        TypeError: as `quick`.
    """
    built: Callable[[object], T] = _function(cls, "source", "source.{name}")
    return built


def _names(cls: object) -> list[str]:
    if not (isinstance(cls, type) and is_dataclass(cls)) or hasattr(cls, "__post_init__"):
        raise TypeError(f"{cls!r} is not built by setting its fields alone")
    return [field.name for field in fields(cls)]


def _function(cls: Any, parameters: str, value: str) -> Any:
    scope: dict[str, Any] = {"cls": cls, "new": object.__new__}
    lines = ["self = new(cls)"]
    for name in _names(cls):
        given = value.format(name=name)
        if name in vars(cls).get("__slots__", ()):
            scope[f"set_{name}"] = vars(cls)[name].__set__
            lines.append(f"set_{name}(self, {given})")
        else:
            lines.append(f"self.__dict__[{name!r}] = {given}")
    source = "\n    ".join([f"def build({parameters}):", *lines, "return self"])
    exec(source, scope)  # noqa: S102 - nothing but the names of our own fields is put in
    return scope["build"]
