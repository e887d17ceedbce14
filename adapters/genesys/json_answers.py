"""JSON in answers: whatever it is, it is decoded at a bounded cost, or found unreadable."""

from typing import TypeVar

import msgspec

ANSWER_COMMAS_MAX = 300_000
"""There are no more values in a document than commas and brackets; each costs some 100 bytes when decoded."""
T = TypeVar("T")


class UnreadableAnswer(Exception):
    """An answer is not JSON, not of the shape that is wanted, or has too many parts."""


def decoded(answer: bytes | msgspec.Raw, kind: type[T]) -> T:
    """The answer as `kind`.

    Raises:
        UnreadableAnswer: it is not. msgspec's own errors for nesting (RecursionError) and for bytes that
            are not UTF-8 are none of its DecodeErrors.
    """
    if isinstance(answer, bytes) and answer.count(b",") + answer.count(b"[") > ANSWER_COMMAS_MAX:
        raise UnreadableAnswer
    try:
        return msgspec.json.decode(answer, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableAnswer from error
