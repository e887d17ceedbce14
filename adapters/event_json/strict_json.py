"""JSON as this service accepts it: RFC 8259 to the letter, one meaning for every reader, bounded.

msgspec decodes; what it lets pass (duplicate names, deep nesting, huge numbers, NUL, dangerous names) is
found here. Clean bodies take the fast path, which only ever answers "surely clean"; everything else goes
to the exact scan, which names every violation and its place.
"""

import re
from typing import Any, Final

import msgspec

from adapters.event_json.json_scanner import (
    CONTROL_CHARACTER,
    DANGEROUS_NAMES,
    JsonLimits,
    find_violations,
)
from domain.context.python_values import NUMBER_MAX
from domain.errors import Violation

__all__ = ["InvalidJson", "JsonLimits", "decode_strictly"]

# msgspec recurses: this many brackets bound how deep, also where the C stack is smaller than Python thinks.
_OPENERS_MAX: Final = 1024
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"{}[]"))
_UTF8_BYTES_MAX: Final = 4
_NESTED_OBJECT_BYTES_MIN: Final = 4
"""An object around a value begins with a bracket, two quotes and a colon."""
_ESCAPES_MAX: Final = 256


class InvalidJson(Exception):
    """The body is not JSON that is safe to hand on; `violations` says where and why, in document order."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        super().__init__("; ".join(f"{v.pointer or '/'}: {v.code}" for v in violations))
        self.violations = violations


def decode_strictly(body: bytes, limits: JsonLimits) -> object:
    """The document in a body: exactly what `msgspec.json.decode` makes of it.

    Args:
        body: one JSON text in UTF-8, of any size; time and memory are linear in it.
        limits: what the text may hold.

    Raises:
        InvalidJson: with every violation up to `violations_max`, in document order (see `find_violations`).
            Names are compared by code points, after escapes, without Unicode normalisation.
    """
    if _is_small(body, limits):
        try:
            document: object = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # the exact scan knows why and where
        else:
            if not _is_surely_clean(document, body, limits):
                _refuse_violations(body, limits)
            return document  # not decoded twice: floats close to 0 take msgspec some 10 µs each
    return _decode_exactly(body, limits)


def _decode_exactly(body: bytes, limits: JsonLimits) -> object:
    _refuse_violations(body, limits)
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        detail = "The text cannot be decoded as JSON."
        raise InvalidJson((Violation(pointer="", code="invalid_json", detail=detail),)) from error


def _refuse_violations(body: bytes, limits: JsonLimits) -> None:
    if violations := find_violations(body, limits):
        raise InvalidJson(violations)


def _is_small(body: bytes, limits: JsonLimits) -> bool:
    """Whether decoding is cheap in stack and memory, so that it may come before any other check."""
    arrays = body.count(b"[")
    if len(body) < 2 * limits.values_max and arrays + len(body) // _NESTED_OBJECT_BYTES_MIN < _OPENERS_MAX:
        return True  # most bodies: no value and no object is too many for so few bytes
    openers = arrays + body.count(b"{")
    # n values take 2n - 1 bytes, and each but the first follows a comma or an opening bracket; an array of
    # objects has both before each of them
    if len(body) >= 2 * limits.values_max and openers + body.count(b",") >= 2 * limits.values_max:
        return False
    return openers <= _OPENERS_MAX or _nests_at_most(limits.depth_max, body)


def _nests_at_most(depth: int, body: bytes) -> bool:
    """Whether nothing is left of the brackets once the innermost pairs are taken out so many times.

    As far as the text is JSON its strings are found as msgspec finds them, and further msgspec does not read.
    """
    brackets = _STRING.sub(b"", body).translate(None, _NO_BRACKETS)
    for _ in range(min(depth, _OPENERS_MAX)):
        if not brackets:
            return True
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    return not brackets


def _is_surely_clean(document: Any, body: bytes, limits: JsonLimits) -> bool:
    """Whether a decoded body has no violation; False also when that takes a closer look.

    Syntax, UTF-8 and surrogate pairs need no check: msgspec has accepted the body.
    """
    if type(document) is not dict and type(document) is not list:
        return False
    objects: list[dict[str, Any]] = []
    values_count = 1
    others_count = 1  # of the values, those that are no strings
    low, high = -NUMBER_MAX, NUMBER_MAX
    level: list[Any] = [document]
    for _ in range(limits.depth_max):
        deeper: list[Any] = []
        for container in level:
            values = container
            if type(container) is dict:
                objects.append(container)
                values = container.values()
            values_count += len(values)
            for value in values:  # every value of every body passes here: strings, the most common, first
                kind = type(value)
                if kind is str:
                    continue
                others_count += 1
                if kind is dict or kind is list:
                    deeper.append(value)
                elif (kind is int or kind is float) and not low <= value <= high:
                    return False
        level = deeper
        if not level:
            break
    names_count = sum(map(len, objects))
    return (
        not level
        and values_count <= limits.values_max
        and names_count <= limits.names_max
        and _are_names_clean(set().union(*objects), limits)
        and _are_strings_short(body, limits)
        and _is_written_so(body, names_count, values_count - others_count)
    )


def _are_names_clean(names: set[str], limits: JsonLimits) -> bool:
    if not names:
        return True
    together = "".join(names)
    bytes_a_character = 1 if together.isascii() else _UTF8_BYTES_MAX
    length_max = limits.name_bytes_max // bytes_a_character
    return (
        DANGEROUS_NAMES.isdisjoint(names)
        and (together.isprintable() or CONTROL_CHARACTER.search(together) is None)
        # the names of most events are short enough all together
        and (len(together) <= length_max or max(map(len, names)) <= length_max)
    )


def _are_strings_short(body: bytes, limits: JsonLimits) -> bool:
    if len(body) <= limits.string_bytes_max:
        return True
    return b'\\"' not in body and max(map(len, body.split(b'"'))) <= limits.string_bytes_max


def _is_written_so(body: bytes, names_count: int, strings_count: int) -> bool:
    """Whether a valid text has no NUL, and writes as many members as its document holds.

    Then no name is written twice: one that is has two quotes more in the text than in the document, which
    nothing can make up for. Quotes that are escaped do not count. Where a backslash may itself be escaped, a
    quote after it may end the string: such a text is read string by string, and so is one with many escapes.
    """
    _, *escaped = [piece[:1] for piece in body.split(b"\\", _ESCAPES_MAX)]
    if b"u" in escaped and b"\\u0000" in body:  # a NUL has no other spelling
        return False
    if b"" not in escaped and len(escaped) < _ESCAPES_MAX:
        return body.count(b'"') - escaped.count(b'"') == 2 * (names_count + strings_count)
    return b"\\u0000" not in body and _STRING.sub(b"", body).count(b":") == names_count
