"""From the text of one setting to its value, by the type of the setting; and in words, what it may hold.

The types carry what msgspec cannot know in `Meta(extra=…)`: `may` (in words, what it may hold), `secret` (its
value is never shown), `url`, `store` (the URL of a store that there is), `region`
(a Genesys region host), and `each` (an empty part of a list counts).
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from adapters.storage.backend import UnknownKind
from entrypoints.regions import is_aws_region, region_host
from entrypoints.stores import STORES

FILE_SUFFIX = "_FILE"
HOST_AND_PORT = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^:\[\]]*)(:(?P<port>[0-9]{1,5}))?", re.ASCII)
PORT_MAX = 65_535


class WrongValue(Exception):
    """The rest of a line that begins with the setting's name."""


def text_of(environment: Mapping[str, str], name: str) -> str | None:
    """The text of a variable, from its file if it names one; None: it is not set, or empty.

    Raises:
        WrongValue: both are set, or the file cannot be read or is empty.
    """
    text, path = environment.get(name) or None, environment.get(name + FILE_SUFFIX) or None
    if path is None:
        return text
    if text is not None:
        raise WrongValue(f"and {name}{FILE_SUFFIX} are both set: only one may be")
    try:
        text = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongValue(f"is to be read from {path!r}, which failed: {error}") from error
    if not text:  # a secret that is not there yet must not open the door
        raise WrongValue(f"is to be read from {path!r}, which is empty")
    return text


def converted(text: str, hint: Any) -> Any:
    """The value of a setting of this type.

    Raises:
        WrongValue: it holds what it may not hold.
    """
    problem = _store_problem(text) if _extra(hint, "store") else None
    with suppress(ValueError):  # msgspec's ValidationError is one, too
        value = msgspec.convert(_prepared(text, hint), hint, strict=False)
        if problem is None and value != () and "\0" not in text and _is_what_it_names(text, hint):
            return value
    secret = is_secret(hint) or (_extra(hint, "url") and "@" in text)
    holds = "a value that is not shown" if secret else repr(text)
    why = f": {problem}" if problem else ""
    meant = None if secret else _likely_value(text, hint)
    raise WrongValue(
        f"is {holds}{why}; it may be {may_hold(hint)}" + ("" if meant is None else f"; did you mean {meant}?")
    )


def may_hold(hint: Any) -> str:
    """What a setting of this type may hold, in words."""
    for info in _parts(msgspec.inspect.type_info(hint)):
        if isinstance(info, msgspec.inspect.Metadata) and info.extra and "may" in info.extra:
            return str(info.extra["may"])
        if isinstance(info, msgspec.inspect.LiteralType):
            return ", ".join(str(value) for value in info.values)
        if isinstance(info, msgspec.inspect.BoolType):
            return "true or false"
    raise TypeError(f"no words for {hint}")


def is_secret(hint: Any) -> bool:
    return _extra(hint, "secret")


def _parts(info: msgspec.inspect.Type) -> list[msgspec.inspect.Type]:
    if isinstance(info, msgspec.inspect.UnionType):
        return [part for one in info.types for part in _parts(one)]
    return [info]


def _is_what_it_names(text: str, hint: Any) -> bool:
    if _extra(hint, "region"):
        return region_host(text) == text.lower() and not is_aws_region(text)
    return not _extra(hint, "url") or _is_url(text)


def _store_problem(text: str) -> str | None:
    """None when there is a store for it; empty when all there is to say is what it may be."""
    try:
        backend = STORES.of(text)
    except UnknownKind as error:
        return str(error)
    return backend.missing if re.fullmatch(backend.pattern, text) else ""


def _likely_value(text: str, hint: Any) -> str | None:
    """What was probably meant by a value that cannot be."""
    if _extra(hint, "region"):
        host = region_host(text)
        return host if host != text.lower() and "." in host else None
    choices = [
        str(value)
        for info in _unwrapped(hint)
        if isinstance(info, msgspec.inspect.LiteralType)
        for value in info.values
    ]
    return next(iter(get_close_matches(text.lower(), choices, n=1)), None)


def _prepared(text: str, hint: Any) -> object:
    kinds = list(_unwrapped(hint))
    if any(isinstance(kind, msgspec.inspect.VarTupleType) for kind in kinds):
        parts = (part.strip() for part in text.split(","))
        return tuple(part for part in parts if part or _extra(hint, "each"))
    if any(isinstance(kind, msgspec.inspect.LiteralType) for kind in kinds):
        return text.lower()
    return text


def _is_url(text: str) -> bool:
    """Hosts and ports as they can be; more than one host is what PostgreSQL's clients know.

    Raises:
        ValueError: it is not even of the form of a URL.
    """
    netloc = urlsplit(text).netloc
    matches = [HOST_AND_PORT.fullmatch(host) for host in netloc.rpartition("@")[2].split(",")]
    return all(match and 1 <= int(match["port"] or 1) <= PORT_MAX for match in matches)


def _extra(hint: Any, name: str) -> bool:
    return any(
        isinstance(info, msgspec.inspect.Metadata) and bool((info.extra or {}).get(name))
        for info in _parts(msgspec.inspect.type_info(hint))
    )


def _unwrapped(hint: Any) -> Iterator[msgspec.inspect.Type]:
    for info in _parts(msgspec.inspect.type_info(hint)):
        yield info.type if isinstance(info, msgspec.inspect.Metadata) else info
