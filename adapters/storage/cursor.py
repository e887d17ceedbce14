"""Cursors: how a page of a trail says where the next one begins. To everybody else they are just text."""

import base64
from zlib import crc32

from application.errors import UnknownCursor
from domain.ids import SessionId

CURSOR_LENGTH_MAX = 4096
NUMBER_LENGTH_MAX = 18


def cursor_of(session_id: SessionId, place: str) -> str:
    """URL-safe text that only `place_of` of the same session and kind of store can read."""
    body = place.encode()
    return base64.urlsafe_b64encode(_check(session_id, body) + body).rstrip(b"=").decode()


def place_of(session_id: SessionId, cursor: str) -> str:
    """The place that a page gave.

    Raises:
        UnknownCursor: it is no cursor, or that of another session.
    """
    try:
        if len(cursor) > CURSOR_LENGTH_MAX:
            raise UnknownCursor
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        check, body = raw[:4], raw[4:]
        if check != _check(session_id, body):
            raise UnknownCursor
        return body.decode()
    except ValueError as error:
        raise UnknownCursor from error


def number_of(session_id: SessionId, cursor: str | None) -> int:
    """The place, where it is a number; 0, before the first one, for None.

    Raises:
        UnknownCursor.
    """
    if cursor is None:
        return 0
    place = place_of(session_id, cursor)
    if not (place.isdecimal() and place.isascii() and len(place) <= NUMBER_LENGTH_MAX):
        raise UnknownCursor
    return int(place)


def _check(session_id: SessionId, body: bytes) -> bytes:
    return crc32(body, crc32(session_id.encode())).to_bytes(4)
