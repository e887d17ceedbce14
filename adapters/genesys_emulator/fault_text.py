"""Fault rules in one line of text, for a command line."""

import re
from typing import Any

from adapters.genesys_emulator.faults import FaultKind, FaultRule

GRAMMAR = (
    "KIND[=VALUE][:HOW[,HOW]][@MATCH], where KIND is one of "
    + ", ".join(FaultKind)
    + "; VALUE is the Retry-After of a status (5, date+5 for an HTTP date in five seconds, or none)"
    " or the seconds of hang; HOW is a probability (0.2), the next calls (3x) or a time (30s);"
    " MATCH is a method, a part of the path that begins with a slash, or both (PATCH/attributes)"
)

_TEXT = re.compile(
    r"(?P<kind>[a-z0-9-]+)(=(?P<value>[^:@]*))?(:(?P<how>[^@]*))?(@(?P<method>[A-Z]*)(?P<path>/.*)?)?",
    re.ASCII,
)
_RETRY_AFTER = re.compile(r"(date\+)?[0-9]{1,9}|none", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
_METHODS = frozenset({"", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


def fault_from_text(text: str) -> FaultRule:
    """Read a rule such as `503:0.2`, `429=5:3x@PATCH/attributes`, `hang=20:30s` or `close-after:1x`.

    Without a HOW the rule holds until it is removed; `0.2,30s` is a probability for a time.

    Raises:
        ValueError: the text is no rule; the message says what is allowed.
    """
    match = _TEXT.fullmatch(text)
    if match is None or match["kind"] not in set(FaultKind) or (match["method"] or "") not in _METHODS:
        raise _refusal(text)
    if text.endswith("@"):
        raise _refusal(text)
    fields: dict[str, Any] = {"method": match["method"] or None, "path_contains": match["path"]}
    kind = FaultKind(match["kind"])
    if match["value"] is not None:
        fields |= _value_fields(kind, match["value"], text)
    if match["how"] is not None:
        for how in match["how"].split(","):
            fields |= _how_fields(how, text)
    try:
        return FaultRule(kind=kind, **fields)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}; a fault is {GRAMMAR}") from error


def _value_fields(kind: FaultKind, value: str, text: str) -> dict[str, Any]:
    if kind is FaultKind.HANG and _NUMBER.fullmatch(value):
        return {"hang_seconds": float(value)}
    if kind.isdigit() and _RETRY_AFTER.fullmatch(value):
        return {"retry_after": "" if value == "none" else value}
    raise _refusal(text)


def _how_fields(how: str, text: str) -> dict[str, Any]:
    if how.endswith("x") and how[:-1].isascii() and how[:-1].isdigit():
        return {"calls": int(how[:-1])}
    if how.endswith("s") and _NUMBER.fullmatch(how[:-1]):
        return {"seconds": float(how[:-1])}
    if _NUMBER.fullmatch(how):
        return {"probability": float(how)}
    raise _refusal(text)


def _refusal(text: str) -> ValueError:
    return ValueError(f"{text!r} is no fault; a fault is {GRAMMAR}")
