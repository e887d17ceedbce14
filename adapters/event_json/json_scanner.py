"""The exact scan of a JSON text: everything wrong with it, each with its place.

Linear in the text, on an explicit stack: no recursion, no decoded document, no long number made an int.
Sources: RFC 8259 (grammar), RFC 6901 (pointers), RFC 7493 (numbers within 2**53 - 1, no duplicate names).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final

from domain.context.python_values import NUMBER_MAX
from domain.errors import Violation
from domain.json_pointer import pointer_to

DANGEROUS_NAMES: Final = frozenset({"__proto__", "constructor", "prototype"})
CONTROL_CHARACTER: Final = re.compile(r"[\x01-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

_LONE_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_NOT_SHOWN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SHOWN_NAME_LENGTH: Final = 64

_STRING_TEXT: Final = rb'(?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*+'
_UNFINISHED_STRING: Final = re.compile(rb'"' + _STRING_TEXT)
_WHITESPACE: Final = re.compile(rb"[ \t\n\r]*+")
_TOKEN: Final = re.compile(
    rb'[ \t\n\r]*+(?:"(' + _STRING_TEXT + rb')"'
    rb"|(-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+)"
    rb"|(true|false|null)"
    rb"|([\[\]{}:,]))"
)

# The kinds of token, a byte each (strings '"', numbers '0', literals 't', punctuation itself), and which
# of them may come next.
_KINDS: Final = (b"", b'"', b"0", b"t")
_VALUE: Final = b'"0t{['
_FIRST_ITEM: Final = _VALUE + b"]"
_NAME: Final = b'"'
_FIRST_NAME: Final = b'"}'
_COLON: Final = b":"
_AFTER_ITEM: Final = b",]"
_AFTER_MEMBER: Final = b",}"
_AFTER_ROOT: Final = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonLimits:
    """How large a JSON text may be, inside its bytes. Every limit is the largest that passes.

    Attributes:
        depth_max: arrays and objects within each other; a number or string alone has depth 0.
        names_max: object members in the whole document.
        name_bytes_max: UTF-8 bytes of one decoded name.
        string_bytes_max: UTF-8 bytes of one decoded string.
        values_max: values in the whole document: the root, every member's value, every array item.
        violations_max: violations that are reported; the scan ends at the last of them.
    """

    depth_max: int = 32
    names_max: int = 2048
    name_bytes_max: int = 256
    string_bytes_max: int = 65536
    values_max: int = 10_000
    violations_max: int = 32

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise ValueError(f"{field.name} must be at least 1")


def find_violations(body: bytes, limits: JsonLimits) -> tuple[Violation, ...]:
    r"""Everything that is wrong with a text, in document order; empty when it may be decoded.

    The first syntax error ends the scan, and so does the first value beyond `values_max`: how long a
    hostile text takes is bounded by the limits, not by its size. A text that is not UTF-8 is not scanned.
    What lies inside an array or object that is too deep is checked for syntax only.

    In pointers and details, control characters and lone surrogates of a name stand as `\uXXXX`, so that
    they can be logged and stored; a pointer cuts a name that is too long.
    """
    try:
        body.decode()
    except UnicodeDecodeError as error:
        detail = f"The text is not UTF-8 at byte {error.start}."
        return (Violation(pointer="", code="invalid_utf8", detail=detail),)
    scan = _Scan(body, limits)
    scan.run()
    return tuple(scan.violations[: limits.violations_max])


@dataclass(slots=True)
class _Container:
    """An open array (`names` is None) or object, and the item or member the scan is at."""

    names: set[str] | None
    place: int | str


class _Scan:
    def __init__(self, body: bytes, limits: JsonLimits) -> None:
        self.violations: list[Violation] = []
        self._body = body
        self._limits = limits
        self._closers = bytearray()  # of every open array and object; the path stops at depth_max
        self._path: list[_Container] = []
        self._names_seen = 0
        self._values_seen = 0

    def run(self) -> None:
        expected = _VALUE
        position = 0
        while (
            len(self.violations) < self._limits.violations_max
            and self._values_seen <= self._limits.values_max
        ):
            token = _TOKEN.match(self._body, position)
            if token is None:
                self._end(position, expected)
                return
            kind = token[4] or _KINDS[token.lastindex or 0]
            if kind not in expected:
                self._report_syntax(_end_of(_WHITESPACE, self._body, position))
                return
            expected = self._step(kind, token, expected)
            position = token.end()

    def _step(self, kind: bytes, token: re.Match[bytes], expected: bytes) -> bytes:
        """Takes one token in and answers which kinds may follow it."""
        if kind == b":":
            return _VALUE
        if kind == b",":
            return _NAME if self._closers.endswith(b"}") else _VALUE
        inspected = len(self._closers) == len(self._path)
        if kind in b"]}":
            if inspected:
                self._path.pop()
            self._closers.pop()
            return self._after_value()
        if expected in (_NAME, _FIRST_NAME):
            if inspected:
                self._enter_member(token[1])
            return _COLON
        self._enter_value(inspected=inspected)
        if inspected:
            self._judge_scalar(kind, token)
        if kind in b"{[":
            return self._open(is_object=kind == b"{", inspected=inspected)
        return self._after_value()

    def _after_value(self) -> bytes:
        if not self._closers:
            return _AFTER_ROOT
        return _AFTER_MEMBER if self._closers.endswith(b"}") else _AFTER_ITEM

    def _open(self, *, is_object: bool, inspected: bool) -> bytes:
        if inspected and len(self._path) < self._limits.depth_max:
            self._path.append(_Container(set(), "") if is_object else _Container(None, -1))
        elif inspected:
            self._report("too_deep", f"This is nested more than {self._limits.depth_max} levels deep.")
        self._closers += b"}" if is_object else b"]"
        return _FIRST_NAME if is_object else _FIRST_ITEM

    def _enter_member(self, text: bytes) -> None:
        name = _decoded(text)
        member = self._path[-1]
        member.place = name
        self._names_seen += 1
        for code, fact in _name_problems(name, self._limits):
            self._report(code, f'The name "{_shown(name)}" {fact}.')
        if self._names_seen == self._limits.names_max + 1:
            self._report("too_many_names", f"There are more than {self._limits.names_max} names.")
        if member.names is not None:
            if name in member.names:
                self._report("duplicate_name", f'The name "{_shown(name)}" is already in this object.')
            member.names.add(name)

    def _enter_value(self, *, inspected: bool) -> None:
        if inspected and self._path and isinstance(place := self._path[-1].place, int):
            self._path[-1].place = place + 1
        self._values_seen += 1
        if self._values_seen == self._limits.values_max + 1:
            self._report("too_many_values", f"There are more than {self._limits.values_max} values.")

    def _judge_scalar(self, kind: bytes, token: re.Match[bytes]) -> None:
        if kind == b'"':
            self._judge_string(token[1])
        elif kind == b"0" and not _is_in_range(token[2]):
            self._report("number_out_of_range", f"The number is not within ±{NUMBER_MAX}.")

    def _judge_string(self, text: bytes) -> None:
        if b"\\" in text:
            decoded = _decoded(text)
            for code, fact in _text_problems(decoded):
                self._report(code, f"The string {fact}.")
            byte_size = _byte_size(decoded)
        else:
            byte_size = len(text)
        if byte_size > self._limits.string_bytes_max:
            detail = f"The string takes {byte_size} bytes; the limit is {self._limits.string_bytes_max}."
            self._report("string_too_long", detail)

    def _report(self, code: str, detail: str) -> None:
        shown = (_shown(str(container.place), self._limits.name_bytes_max) for container in self._path)
        self.violations.append(Violation(pointer=pointer_to(shown), code=code, detail=detail))

    def _end(self, position: int, expected: bytes) -> None:
        position = _end_of(_WHITESPACE, self._body, position)
        if position < len(self._body) or expected != _AFTER_ROOT:
            self._report_syntax(_end_of(_UNFINISHED_STRING, self._body, position))

    def _report_syntax(self, position: int) -> None:
        if position < len(self._body):
            detail = f"The text is not JSON (RFC 8259) at byte {position}."
        else:
            detail = f"The text ends at byte {position}, before its JSON value is complete."
        self.violations.append(Violation(pointer="", code="invalid_json", detail=detail))


def _end_of(pattern: re.Pattern[bytes], body: bytes, position: int) -> int:
    match = pattern.match(body, position)
    return match.end() if match else position


def _decoded(text: bytes) -> str:
    """The string between two quotes; unlike msgspec, `json` keeps a lone surrogate, to be reported."""
    if b"\\" not in text:
        return text.decode()
    return str(json.loads(f'"{text.decode()}"'))


def _byte_size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _is_in_range(literal: bytes) -> bool:
    digits = literal.removeprefix(b"-")
    if digits.isdigit():
        return len(digits) <= len(str(NUMBER_MAX)) and int(digits) <= NUMBER_MAX
    # both round to the nearest, so this is the value that is handed on; msgspec takes ten times as long
    return -NUMBER_MAX <= float(literal) <= NUMBER_MAX


def _text_problems(text: str) -> Iterator[tuple[str, str]]:
    if "\0" in text:
        yield "nul", "has a NUL character in it"
    if _LONE_SURROGATE.search(text):
        yield "lone_surrogate", "has half of a surrogate pair in it"


def _name_problems(name: str, limits: JsonLimits) -> Iterator[tuple[str, str]]:
    yield from _text_problems(name)
    if CONTROL_CHARACTER.search(name):
        yield "control_character_name", "has a control character in it"
    if name in DANGEROUS_NAMES:
        yield "dangerous_name", "is special to JavaScript programs that read the context"
    if (byte_size := _byte_size(name)) > limits.name_bytes_max:
        yield "name_too_long", f"takes {byte_size} bytes; the limit is {limits.name_bytes_max}"


def _shown(name: str, length_max: int = _SHOWN_NAME_LENGTH) -> str:
    cut = name[:length_max] + ("…" if len(name) > length_max else "")
    return _NOT_SHOWN.sub(lambda match: f"\\u{ord(match[0]):04x}", cut)
