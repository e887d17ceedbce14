"""JSON Pointers (RFC 6901) into the body of an event."""

CONTEXT = "/context"


def child(pointer: str, part: str | int) -> str:
    """The pointer to a member or element of what `pointer` points to."""
    return f"{pointer}/{str(part).replace('~', '~0').replace('/', '~1')}"
