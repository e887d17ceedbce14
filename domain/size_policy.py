"""The byte budgets of a context, and what is done about a breach."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from domain.context import largest, member_byte_size
from domain.errors import ContextTooLarge
from domain.packing import packed
from domain.pointers import CONTEXT, child
from domain.pruning import DeepValue, deep_values, without_values
from domain.stamped_context import StampedContext, StampedVariable


class Overflow(StrEnum):
    """What happens to a context over its budget."""

    REJECT = "reject"
    PRUNE = "prune"
    COMPRESS = "compress"


@dataclass(frozen=True, slots=True)
class Fitted:
    """A context within its budgets.

    Attributes:
        context: as it is stored and sent.
        readable: as it is given to readers and checked by the schema: nothing in it is compressed.
        pruned: pointers to what was taken out.
    """

    context: StampedContext
    readable: StampedContext
    pruned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SizePolicy:
    """Two budgets at once, both in canonical bytes of the merged document.

    Attributes:
        context_byte_size_max: for what is stored.
        sync_byte_size_max: for what is sent to Genesys, the persistence block included.
        prune_depth: how deep values may nest; a variable's own value is at depth 1.
        essential: names of variables that pruning leaves alone.
    """

    context_byte_size_max: int = 8192
    sync_byte_size_max: int = 10_240
    overflow: Overflow = Overflow.REJECT
    prune_depth: int = 2
    essential: frozenset[str] = frozenset()

    def fit(self, context: StampedContext, *, sync_overhead: int | None) -> Fitted:
        """The context within both budgets, as the overflow policy brings it there.

        Args:
            sync_overhead: the bytes that sending adds to the context's document; None: it is not sent.

        Raises:
            ContextTooLarge: it does not fit, whatever may be done about it.
        """
        limit = self._limit(sync_overhead)
        plain = context.expanded()
        if len(plain.document) <= limit:
            return Fitted(plain, plain)
        match self.overflow:
            case Overflow.REJECT:
                fitted = Fitted(plain, plain)
            case Overflow.PRUNE:
                fitted = self._pruned(plain, limit)
            case Overflow.COMPRESS:
                fitted = Fitted(_packed(plain, limit), plain)
            case _:
                assert_never(self.overflow)
        self._check(fitted.context, sync_overhead)
        return fitted

    def _limit(self, sync_overhead: int | None) -> int:
        if sync_overhead is None:
            return self.context_byte_size_max
        return min(self.context_byte_size_max, self.sync_byte_size_max - sync_overhead)

    def _check(self, context: StampedContext, sync_overhead: int | None) -> None:
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

    def _pruned(self, context: StampedContext, limit: int) -> Fitted:
        """Deep values first, then whole variables, the largest first in each, until it fits."""
        excess = len(context.document) - limit
        free = {name: text for name, text in context.texts.items() if name not in self.essential}
        deep = sorted(
            value for name, text in free.items() for value in deep_values(name, text, self.prune_depth)
        )
        dropped: list[DeepValue] = []
        for value in deep:
            if excess <= 0:
                break
            dropped.append(value)
            excess += value.byte_size
        context = _without_deep(context, dropped)
        pruned = [value.pointer for value in dropped]
        excess = len(context.document) - limit
        sizes = largest({name: context.texts[name] for name in free}, len(free))
        gone: dict[str, StampedVariable] = {}
        for size in sizes:
            if excess <= 0:
                break
            gone[size.name] = StampedVariable(None, context.entries[size.name].stamp)
            pruned.append(child(CONTEXT, size.name))
            excess -= size.byte_size + 1
        context = _with(context, gone)
        return Fitted(context, context, _outermost(pruned))


def _with(context: StampedContext, entries: Mapping[str, StampedVariable]) -> StampedContext:
    return replace(context, entries={**context.entries, **entries}) if entries else context


def _without_deep(context: StampedContext, dropped: list[DeepValue]) -> StampedContext:
    paths: dict[str, set[tuple[str | int, ...]]] = {}
    for value in dropped:
        paths.setdefault(str(value.path[0]), set()).add(value.path[1:])
    texts = context.texts
    return _with(
        context,
        {
            name: StampedVariable(without_values(texts[name], of_it), context.entries[name].stamp)
            for name, of_it in paths.items()
        },
    )


def _outermost(pointers: list[str]) -> tuple[str, ...]:
    """Without those that lie within another one."""
    return tuple(p for p in pointers if not any(p.startswith(other + "/") for other in pointers))


def _packed(context: StampedContext, limit: int) -> StampedContext:
    """With the largest objects and arrays compressed until it fits, or until none is left."""
    excess = len(context.document) - limit
    smaller: dict[str, StampedVariable] = {}
    by_size = sorted(context.texts.items(), key=lambda item: (-member_byte_size(*item), item[0]))
    for name, text in by_size:
        if excess <= 0:
            break
        if text[:1] in (b"{", b"[") and len(short := packed(text)) < len(text):
            smaller[name] = StampedVariable(short, context.entries[name].stamp, packed=True)
            excess -= len(text) - len(short)
    return _with(context, smaller)
