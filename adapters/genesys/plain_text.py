"""Texts of Genesys as they may stand in a log, in a store and on a terminal."""


def plain(text: str, length_max: int) -> str:
    """In one line of printable characters, cut to `length_max`, with `…` where it was cut.

    PostgreSQL keeps no NUL, and what a line break or an escape sequence does to a log is known.
    """
    excerpt = text[: 2 * length_max]
    line = " ".join("".join(char if char.isprintable() else " " for char in excerpt).split())
    cut = len(line) > length_max or len(text) > len(excerpt)
    return line[: length_max - 1] + "…" if cut else line
