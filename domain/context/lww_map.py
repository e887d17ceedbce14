"""The context of a session as a last-writer-wins map: the same events in any order give the same map.

Every variable carries the stamp of the event that set it, and the newer stamp wins. A removed variable
leaves a tombstone, so that an older event cannot bring it back. A replacing event, a restart after an
end and an erasure set a floor below which every variable is gone.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate

from domain.context.compression import unpacked
from domain.context.variables import EMPTY_DOCUMENT, document_of, member_byte_size, name_text
from domain.stamps import BEFORE_ALL, Stamp


@dataclass(frozen=True, slots=True)
class LwwVariable:
    """A canonical JSON text and the stamp of the event that set it. No text: a tombstone.

    Attributes:
        packed: the text is `{"$zlib": …}` in place of the value that the event set.
    """

    text: bytes | None
    stamp: Stamp
    packed: bool = False


@dataclass(frozen=True, kw_only=True)
class LwwMap:
    """Last-writer-wins map: variables and tombstones by name.

    Attributes:
        entries: live variables and tombstones.
        floor: entries older than this are removed, without a tombstone of their own.
        horizon: the stamp of the newest tombstone that was discarded. A variable without an entry is not
            set by an event which is not newer: it may have been removed.
    """

    entries: Mapping[str, LwwVariable] = field(default_factory=dict)
    floor: Stamp = BEFORE_ALL
    horizon: Stamp = BEFORE_ALL

    @cached_property
    def texts(self) -> dict[str, bytes]:
        return {name: entry.text for name, entry in self.entries.items() if entry.text is not None}

    @property
    def tombstones(self) -> dict[str, Stamp]:
        return {name: entry.stamp for name, entry in self.entries.items() if entry.text is None}

    @cached_property
    def document(self) -> bytes:
        return document_of(self.texts.items())

    @property
    def byte_size(self) -> int:
        """The length of the document, without building it."""
        members = [member_byte_size(name, text) for name, text in self.texts.items()]
        return len(EMPTY_DOCUMENT) + sum(members) + max(0, len(members) - 1)

    def expanded(self) -> "LwwMap":
        """With every packed text decompressed."""
        plain = {
            name: LwwVariable(unpacked(entry.text), entry.stamp)
            for name, entry in self.entries.items()
            if entry.packed and entry.text is not None
        }
        return replace(self, entries={**self.entries, **plain}) if plain else self

    def loses(self, name: str, stamp: Stamp) -> bool:
        """Whether an event of this stamp is too old to set this variable."""
        entry = self.entries.get(name)
        if entry is not None:
            return stamp < entry.stamp
        return stamp < self.floor or stamp <= self.horizon

    def merged(self, texts: Mapping[str, bytes | None], stamp: Stamp) -> "LwwMap":
        """With these variables set, and those without a text removed, by an event of this stamp."""
        won = {
            name: LwwVariable(text, stamp)
            for name, text in texts.items()
            if not self.loses(name, stamp) and not self._has(name, stamp)
        }
        return replace(self, entries={**self.entries, **won}) if won else self

    def raised(self, floor: Stamp) -> "LwwMap":
        """With everything older than the floor removed."""
        if floor <= self.floor:
            return self
        kept = {name: entry for name, entry in self.entries.items() if entry.stamp >= floor}
        return replace(self, entries=kept, floor=floor)

    def replaced(self, texts: Mapping[str, bytes], stamp: Stamp) -> "LwwMap":
        """With everything older than this event removed, and its variables set."""
        return self.raised(stamp).merged(texts, stamp)

    def trimmed(self, *, tombstones_max: int, bytes_max: int, oldest_microseconds: int) -> "LwwMap":
        """With the tombstones over these bounds discarded, and the horizon moved up to them.

        Args:
            bytes_max: of the names of all tombstones together, as canonical JSON.
        """
        tombstones = sorted(((stamp, name) for name, stamp in self.tombstones.items()), reverse=True)
        sizes = accumulate(len(name_text(name)) for _, name in tombstones)
        kept_max = min(tombstones_max, bisect_right(list(sizes), bytes_max))
        newest = [one for one in tombstones[:kept_max] if one[0].microseconds >= oldest_microseconds]
        forgotten = tombstones[len(newest) :]
        if not forgotten:
            return self
        gone = {name for _, name in forgotten}
        kept = {name: entry for name, entry in self.entries.items() if name not in gone}
        return replace(self, entries=kept, horizon=max(self.horizon, forgotten[0][0]))

    def _has(self, name: str, stamp: Stamp) -> bool:
        entry = self.entries.get(name)
        return entry is not None and entry.stamp == stamp
