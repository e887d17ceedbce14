"""Paths of the API, built so that no id leads to another place of it."""

from urllib.parse import quote

from application.errors import GenesysRefused
from domain.sync.state import SyncFailure


def api_path(*segments: str) -> str:
    """`/api/v2/` and the segments, each of them quoted.

    RFC 3986 (5.2.4) takes dot segments out of a path, also when they are percent-encoded, and so does the
    HTTP client: with `..` as an id the call would reach another resource.

    Raises:
        GenesysRefused: a segment is empty, a dot segment, or cannot be encoded (code `id.unusable`).
    """
    return "/".join(["/api/v2", *(_quoted(segment) for segment in segments)])


def _quoted(segment: str) -> str:
    if segment not in ("", ".", ".."):
        try:
            return quote(segment, safe="")
        except UnicodeEncodeError:
            pass  # a lone surrogate
    raise GenesysRefused(
        SyncFailure(code="id.unusable", reason="an id is empty or a dot segment and cannot stand in a path")
    )
