"""Texts of bounded length about names that senders choose: there may be many, and long ones."""

from collections.abc import Iterable
from itertools import islice

LISTED_MAX = 8
LISTED_BYTES_MAX = 120
_CUT = "…"


def shortened(text: str, bytes_max: int) -> str:
    """The text, or as much of it as fits into so many bytes of UTF-8 with an ellipsis at its end."""
    if len(text) * 4 <= bytes_max or len(encoded := text.encode(errors="replace")) <= bytes_max:
        return text
    return encoded[: bytes_max - len(_CUT.encode())].decode(errors="ignore") + _CUT


def listed(items: Iterable[str], count: int, *, separator: str) -> str:
    """The first few of `count` items, and how many more there are: `a; b and 1,860 more`.

    At most LISTED_MAX of at most LISTED_BYTES_MAX bytes each are shown.
    """
    shown = [shortened(item, LISTED_BYTES_MAX) for item in islice(items, LISTED_MAX)]
    more = count - len(shown)
    return separator.join(shown) + (f" and {more:,} more" if more > 0 else "")
