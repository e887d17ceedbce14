"""Compressed values: `{"$zlib": "<base64url>"}` in place of a large object or array (RFC 1950, RFC 4648)."""

import base64
import zlib

_BEFORE, _AFTER = b'{"$zlib":"', b'"}'
LEVEL = 6
"""The highest level searches 4,096 places for every byte: 131 kB of two letters in disorder took 380 ms of
CPU there and 13 ms here, for a result that was 3% shorter."""
VALUE_BYTES_MAX = 16 * 1024 * 1024


def packed(text: bytes) -> bytes:
    """The canonical text `{"$zlib": "…"}` that replaces this one."""
    return _BEFORE + base64.urlsafe_b64encode(zlib.compress(text, LEVEL)) + _AFTER


def unpacked(text: bytes) -> bytes:
    """The canonical text that `packed` compressed.

    Raises:
        ValueError: it is not a packed text, is damaged, or expands to more than VALUE_BYTES_MAX.
    """
    if not (text.startswith(_BEFORE) and text.endswith(_AFTER)):
        raise ValueError("not a packed text")
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(
            base64.urlsafe_b64decode(text[len(_BEFORE) : -len(_AFTER)]), VALUE_BYTES_MAX
        )
    except zlib.error as error:
        raise ValueError("a packed text is damaged") from error
    if not inflater.eof:
        raise ValueError("a packed text is cut short, or stands for too much")
    return plain
