"""JSON Pointers (RFC 6901) into the body of an event."""

from collections.abc import Iterable
from functools import reduce

CONTEXT = "/context"


def child(pointer: str, part: str | int) -> str:
    """The pointer to a member or element of what `pointer` points to."""
    return f"{pointer}/{str(part).replace('~', '~0').replace('/', '~1')}"


def context_pointer(path: Iterable[str | int]) -> str:
    """The pointer to a value in the context: a variable's name, and what leads on from there."""
    return reduce(child, path, CONTEXT)
