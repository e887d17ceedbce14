"""Names that are almost those we know: an event whose field is misspelt means something else than it says."""

from collections.abc import Iterable

LENGTH_MAX = 64
_LINES = str.maketrans("", "", "_- .")


def likely_name(given: str, known: Iterable[str]) -> str | None:
    """The known name that was meant: the same but for case, `_`, `-`, or one letter.

    One letter is one too many, one missing, one wrong, or two that changed places.
    """
    if len(given) > LENGTH_MAX:
        return None
    plain = _plain(given)
    return next((name for name in known if _one_letter_apart(plain, _plain(name))), None)


def _plain(name: str) -> str:
    return name.translate(_LINES).casefold()


def _one_letter_apart(one: str, other: str) -> bool:
    """Whether at most one letter has to be changed; what both begin and end with is cut off first."""
    if abs(len(one) - len(other)) > 1:
        return False
    begin = 0
    while begin < min(len(one), len(other)) and one[begin] == other[begin]:
        begin += 1
    one, other = one[begin:], other[begin:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    return max(len(one), len(other)) <= 1 or (len(one) == len(other) == 2 and one == other[::-1])  # noqa: PLR2004 - two letters
