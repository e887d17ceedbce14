"""JSON Pointers (RFC 6901) into the body of an event."""

from collections.abc import Iterable
from functools import reduce

CONTEXT = "/context"


def child(pointer: str, part: str | int) -> str:
    """The pointer to a member or element of what `pointer` points to."""
    return f"{pointer}/{str(part).replace('~', '~0').replace('/', '~1')}"


def pointer_to(path: Iterable[str | int], *, root: str = "") -> str:
    """The pointer to what the names and places in `path` lead to, beginning at `root`."""
    return reduce(child, path, root)
