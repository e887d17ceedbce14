"""Context variables: one canonical JSON text per variable, and the document they make together.

The canonical encoding is compact UTF-8 JSON with names sorted by code point, at every level. Its
bytes are what is measured, stored, compared and sent. It is not RFC 8785: numbers keep the spelling
that Python gives them (`1.0` stays `1.0`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from json.encoder import JSONEncoder, encode_basestring
from types import MappingProxyType

from domain.errors import VariableSize

EMPTY_DOCUMENT = b"{}"
_ENCODER = JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"), check_circular=False
)


def canonical_json(value: object) -> bytes:
    """The canonical bytes of a value made of what JSON can carry.

    Raises:
        ValueError: a float is not finite, or a text holds a lone surrogate.
        TypeError: a value is of a type that JSON does not have.
    """
    return _ENCODER.encode(value).encode()


def name_text(name: str) -> bytes:
    """A member name as it stands in the canonical document, quotes included."""
    return encode_basestring(name).encode()


def document_of(texts: Iterable[tuple[str, bytes]]) -> bytes:
    """The canonical document of (name, canonical text) pairs; names must differ."""
    return b"{" + b",".join(name_text(name) + b":" + text for name, text in sorted(texts)) + b"}"


@dataclass(frozen=True, slots=True)
class ContextVariables:
    """What an event says about the context: a canonical JSON text for each top-level variable."""

    texts: Mapping[str, bytes]

    @classmethod
    def from_json(cls, context: Mapping[str, object]) -> "ContextVariables":
        """Of a decoded JSON object, that is one that can hold neither cycles nor foreign types."""
        return cls(MappingProxyType({name: canonical_json(value) for name, value in context.items()}))

    @property
    def document(self) -> bytes:
        return document_of(self.texts.items())

    def without(self, names: frozenset[str]) -> "ContextVariables":
        if names.isdisjoint(self.texts):
            return self
        return ContextVariables({n: t for n, t in self.texts.items() if n not in names})


def largest(texts: Mapping[str, bytes], count: int = 10) -> tuple[VariableSize, ...]:
    """The variables that take the most bytes in the document (name, colon and value), largest first."""
    sizes = [VariableSize(name, len(name_text(name)) + 1 + len(text)) for name, text in texts.items()]
    return tuple(sorted(sizes, key=lambda size: (-size.byte_size, size.name))[:count])
