"""URLs of stores as they may be shown: nothing of them that lets somebody in."""

import json
import re
from collections.abc import Callable
from urllib.parse import unquote, unquote_plus

HARMLESS_OPTIONS = frozenset({"host", "hostaddr", "port", "database", "dbname", "region", "sslmode"})
HIDDEN = "***"
SERVER_URL = r"://[^/?#\s]*(/[^?#@]*)?(\?[^#]*)?"
"""What follows the scheme of a URL with a server: one whose parts cannot be mistaken for another."""
_AUTHORITY = re.compile(r"[^/?#]*")


def place_of(url: str) -> str:
    """The URL without user, password, options and fragment."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return HIDDEN
    authority = _authority(rest)
    path = re.split(r"[?#]", rest[len(authority) :], maxsplit=1)[0]
    return f"{scheme}://{authority.rpartition('@')[2]}{path.rpartition('@')[2]}"


def mask_for(*urls: str) -> Callable[[str], str]:
    """Takes the credentials of these URLs out of a text that may quote them, whole or in parts.

    A driver may quote the field of an option that it cannot read, which may be the rest of a password.
    """
    secrets = sorted({secret for url in urls for secret in _secrets(url)}, key=len, reverse=True)
    if not secrets:
        return str
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, secrets))})(?!\w)")
    return lambda text: pattern.sub(HIDDEN, text)


def _secrets(url: str) -> set[str]:
    _, _, rest = url.partition("://")
    authority = _authority(rest)
    user, _, password = rest.rpartition("@")[0].partition(":")
    found = {password, user + ":" + password if password else "", authority.rpartition("@")[0]}
    found |= set(re.split(r"[/?#@&=]", password))
    for field in re.split(r"[?&#]", rest)[1:]:
        name, equals, value = field.partition("=")
        if not equals:
            found.add(name)
        elif unquote(name).lower() not in HARMLESS_OPTIONS:
            found.add(value)
    found |= {decoded for secret in found for decoded in (unquote(secret), unquote_plus(secret))}
    found |= {json.dumps(secret)[1:-1] for secret in found}  # as it stands in a log
    return found - {""}


def _authority(rest: str) -> str:
    match = _AUTHORITY.match(rest)
    return match[0] if match else ""
