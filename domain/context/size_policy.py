"""The byte budgets of a context, and the overflow policy that applies when one is exceeded."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from domain.context.compression import packed
from domain.context.lww_map import LwwMap, LwwVariable
from domain.context.pruning import NOTHING_PRUNED, Path, Pruned, without_deep_values
from domain.context.variables import largest, member_byte_size
from domain.errors import ContextTooLarge


class Overflow(StrEnum):
    """The overflow policy: what happens to a context over its budget."""

    REJECT = "reject"
    PRUNE = "prune"
    COMPRESS = "compress"


@dataclass(frozen=True, slots=True)
class Fitted:
    """A context within its budgets.

    Attributes:
        context: as it is stored and sent.
        readable: as it is shown to readers and checked by the schema: nothing in it is compressed.
    """

    context: LwwMap
    readable: LwwMap
    pruned: Pruned = NOTHING_PRUNED


@dataclass(frozen=True, slots=True, kw_only=True)
class SizePolicy:
    """Two budgets at once, both in canonical bytes of the merged document.

    Attributes:
        context_byte_size_max: of the stored document.
        sync_byte_size_max: of the document sent to Genesys, the persistence block included.
        prune_depth: the depth below which pruning removes values; a variable's own value is at depth 1.
        essential: names of variables that are never pruned.
    """

    context_byte_size_max: int = 8192
    sync_byte_size_max: int = 10_240
    overflow: Overflow = Overflow.REJECT
    prune_depth: int = 2
    essential: frozenset[str] = frozenset()

    def fit(
        self,
        context: LwwMap,
        *,
        sync_overhead: int | None,
        before: LwwMap | None = None,
    ) -> Fitted:
        """The context within both budgets, after the overflow policy if it was over one.

        Args:
            sync_overhead: the bytes that sending adds to the context's document; None: it is not sent.
            before: the context as it was stored; its compressed values are reused where unchanged.

        Raises:
            ContextTooLarge: it does not fit, also after the overflow policy.
        """
        limit = self._limit(sync_overhead)
        plain = context.expanded()
        if plain.byte_size <= limit:
            return Fitted(plain, plain)
        match self.overflow:
            case Overflow.REJECT:
                fitted = Fitted(plain, plain)
            case Overflow.PRUNE:
                fitted = self._pruned(plain, limit)
            case Overflow.COMPRESS:
                fitted = Fitted(_packed(plain, limit, {} if before is None else before.entries), plain)
            case _:
                assert_never(self.overflow)
        self._check(fitted.context, sync_overhead)
        return fitted

    def _limit(self, sync_overhead: int | None) -> int:
        if sync_overhead is None:
            return self.context_byte_size_max
        return min(self.context_byte_size_max, self.sync_byte_size_max - sync_overhead)

    def _check(self, context: LwwMap, sync_overhead: int | None) -> None:
        byte_size = len(context.document)
        if byte_size <= self._limit(sync_overhead):
            return
        budget, byte_size_max = "context", self.context_byte_size_max
        if byte_size <= byte_size_max and sync_overhead is not None:
            budget, byte_size_max = "sync document", self.sync_byte_size_max
            byte_size += sync_overhead
        raise ContextTooLarge(
            byte_size=byte_size, byte_size_max=byte_size_max, budget=budget, largest=largest(context.texts)
        )

    def _pruned(self, context: LwwMap, limit: int) -> Fitted:
        """Deep values first, then whole variables, the largest first in each, until it fits."""
        free = {name: text for name, text in context.texts.items() if name not in self.essential}
        deep = without_deep_values(free, depth_max=self.prune_depth, excess=context.byte_size - limit)
        context = _with(
            context,
            {n: LwwVariable(text, context.entries[n].stamp) for n, text in deep.texts.items()},
        )
        excess = context.byte_size - limit
        gone: dict[str, LwwVariable] = {}
        for size in largest({name: context.texts[name] for name in free}, len(free)):
            if excess <= 0:
                break
            gone[size.name] = LwwVariable(None, context.entries[size.name].stamp)
            excess -= size.byte_size + 1
        outermost: list[Path] = [(name,) for name in gone]
        outermost += [path for path in deep.dropped if path[0] not in gone]
        context = _with(context, gone)
        return Fitted(context, context, Pruned.of(outermost))


def _with(context: LwwMap, entries: Mapping[str, LwwVariable]) -> LwwMap:
    return replace(context, entries={**context.entries, **entries}) if entries else context


def _packed(context: LwwMap, limit: int, before: Mapping[str, LwwVariable]) -> LwwMap:
    """With the largest objects and arrays compressed until it fits, or until none is left."""
    excess = context.byte_size - limit
    smaller: dict[str, LwwVariable] = {}
    by_size = sorted(context.texts.items(), key=lambda item: (-member_byte_size(*item), item[0]))
    for name, text in by_size:
        if excess <= 0:
            break
        if text[:1] not in (b"{", b"["):
            continue
        stamp, known = context.entries[name].stamp, before.get(name)
        if known is not None and known.packed and known.text and known.stamp == stamp:
            short = known.text
        else:
            short = packed(text)
        if len(short) < len(text):
            smaller[name] = LwwVariable(short, stamp, packed=True)
            excess -= len(text) - len(short)
    return _with(context, smaller)
