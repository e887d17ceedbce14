"""The variables of a stored session, taken apart when somebody looks at them.

A claim, the end of a sync and the renewal of a session leave them alone: two of the three times that a
record is read and written for each event that is synced. They are then written as they were read.
"""

import re
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from functools import partial
from typing import Annotated, TypeAlias

from msgspec import Meta, MsgspecError, Raw, Struct, json, msgpack

from application.errors import StoreUnavailable
from domain.context.lww_map import LwwVariable, OneEventsVariables
from domain.stamps import BEFORE_ALL, Stamp

Place: TypeAlias = Annotated[int, Meta(ge=0)]


class _Kept(Struct, array_like=True, gc=False):
    """What the ledger adds to the document.

    Attributes:
        stamps: each once. They are referred to by place, counted from 1; place 0 is the one before all.
        variables: the place of the stamp of each live variable, in the order of the document.
        packed: which of them are packed, counted from 0.
        tombstones: the place of the stamp of each.
    """

    stamps: list[Stamp]
    variables: list[Place]
    packed: list[Place]
    tombstones: dict[str, Place]


_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(_Kept).decode
_decode_document = json.Decoder(dict[str, Raw]).decode
_variable: Callable[[tuple[bytes, Stamp, bool]], LwwVariable] = partial(tuple.__new__, LwwVariable)
"""Without the function that a named tuple has for it: 0.15 us instead of 0.3 for each variable."""
_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]:,]')


class StoredVariables(Mapping[str, LwwVariable]):
    """Live variables, then tombstones, each sorted by name.

    The checksum of the record was right, so they are what was written. If they make no sense all the same,
    who looks at them gets StoreUnavailable, as from every use of a store.

    Attributes:
        kept: what the ledger holds of them (MessagePack).
    """

    __slots__ = ("_document", "_read", "_variables", "kept")

    def __init__(self, kept: Raw, document: bytes) -> None:
        """Raises ValueError when `kept` is not what the function of that name makes."""
        try:
            self._read = _decode(kept)
        except MsgspecError as error:
            raise ValueError("the ledger of a session does not fit its document") from error
        self.kept = kept
        self._document = document
        self._variables: dict[str, LwwVariable] | None = None

    @property
    def newest(self) -> Stamp:
        """The newest stamp of a variable or tombstone."""
        return max(self._read.stamps, default=BEFORE_ALL)

    @property
    def any_packed(self) -> bool:
        return bool(self._read.packed)

    @property
    def taken_apart(self) -> bool:
        return self._variables is not None

    def _all(self) -> dict[str, LwwVariable]:
        if self._variables is None:
            try:
                self._variables = _taken_apart(self._read, self._document)
            except (MsgspecError, ValueError, LookupError, RecursionError) as error:
                raise StoreUnavailable("the ledger of a session does not fit its document") from error
        return self._variables

    def __getitem__(self, name: str) -> LwwVariable:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __contains__(self, name: object) -> bool:
        return name in self._all()

    def keys(self) -> KeysView[str]:
        return self._all().keys()

    def values(self) -> ValuesView[LwwVariable]:
        return self._all().values()

    def items(self) -> ItemsView[str, LwwVariable]:
        return self._all().items()

    def __repr__(self) -> str:
        return f"StoredVariables({self._all()!r})"


def kept(entries: Mapping[str, LwwVariable]) -> Raw:
    """What the ledger holds of variables and tombstones, beside the document."""
    if type(entries) is StoredVariables:
        return entries.kept
    if type(entries) is OneEventsVariables:
        return Raw(_encode(([entries.stamp] if entries else [], [1] * len(entries), [], {})))
    ordered = sorted(entries.items())
    live = [entry for _, entry in ordered if entry.text is not None]
    places = {BEFORE_ALL: 0}
    place = places.setdefault
    variables = [place(entry.stamp, len(places)) for entry in live]
    packed = [number for number, entry in enumerate(live) if entry.packed]
    tombstones: dict[str, int] = {}
    if len(live) != len(ordered):
        tombstones = {name: place(entry.stamp, len(places)) for name, entry in ordered if entry.text is None}
    del places[BEFORE_ALL]
    return Raw(_encode((list(places), variables, packed, tombstones)))  # in the order of `_Kept`


def texts_of(document: bytes) -> Mapping[str, bytes | Raw]:
    """The variables' texts, cut out of the canonical document.

    msgspec calls itself for each level, and how many levels are left depends on who asks. A document that was
    taken in with fewer calls above it must not become unreadable with more.
    """
    try:
        return _decode_document(document)
    except RecursionError:
        return dict(_cut(document))


def _cut(document: bytes) -> Iterator[tuple[str, bytes]]:
    """As `texts_of`, by the marks of the text alone: slower, at any depth."""
    depth = begin = 0
    name = ""
    for mark in _MARKS.finditer(document):
        what = mark[0][:1]
        if what in b"{[":
            depth += 1
            begin = mark.end() if depth == 1 else begin
        elif what == b":" and depth == 1:
            name, begin = json.decode(document[begin : mark.start()], type=str), mark.end()
        elif (what == b"," and depth == 1) or (what in b"}]" and depth == 1 and begin < mark.start()):
            yield name, document[begin : mark.start()]
            begin = mark.end()
        depth -= what in b"}]"


def _taken_apart(kept: _Kept, document: bytes) -> dict[str, LwwVariable]:
    texts = texts_of(document)
    stamps = [BEFORE_ALL, *kept.stamps]
    entries = {
        name: _variable((bytes(text), stamps[place], False))
        for name, text, place in zip(texts, texts.values(), kept.variables, strict=True)
    }
    if kept.packed:
        names = list(texts)
        for number in kept.packed:
            plain = entries[names[number]]
            entries[names[number]] = LwwVariable(plain.text, plain.stamp, packed=True)
    for name, place in kept.tombstones.items():
        entries[name] = LwwVariable(None, stamps[place])
    if len(entries) != len(texts) + len(kept.tombstones):
        raise ValueError("a variable is there and gone at once")
    return entries
