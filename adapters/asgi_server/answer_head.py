"""The lines of an answer's head as they are written, each made and checked once."""

import http
import re
from functools import lru_cache
from typing import NamedTuple

HEADER_LINES_MAX = 1024  # remembered, so that a header that every answer has is checked once
_NOT_IN_NAME = re.compile(rb'[\x00-\x1f\x7f()<>@,;:\\[\]={} \t\\"]')
_NOT_IN_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class HeaderLine(NamedTuple):
    """A header of an answer as it is written, and what it means for the framing."""

    line: bytes
    length: int | None = None
    is_chunked: bool = False
    closes: bool = False


@lru_cache(maxsize=HEADER_LINES_MAX)
def header_line(name: bytes, value: bytes) -> HeaderLine:
    """Raises RuntimeError for what would break the answer apart (RFC 9110, section 5.5)."""
    if _NOT_IN_NAME.search(name):
        raise RuntimeError("Invalid HTTP header name.")
    if _NOT_IN_VALUE.search(value):
        raise RuntimeError("Invalid HTTP header value.")
    name = name.lower()
    line = b"%s: %s\r\n" % (name, value)
    if name == b"content-length":
        return HeaderLine(line, length=int(value))
    if name == b"transfer-encoding":
        return HeaderLine(line, is_chunked=value.lower() == b"chunked")
    if name == b"connection":
        return HeaderLine(line, closes=b"close" in [token.strip() for token in value.lower().split(b",")])
    return HeaderLine(line)


@lru_cache(maxsize=HEADER_LINES_MAX)
def status_line(status: int) -> bytes:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()
