"""The byte budgets of a context, and what is done about a breach."""

from dataclasses import dataclass
from enum import StrEnum

from domain.context import largest
from domain.errors import ContextTooLarge
from domain.stamped_context import StampedContext


class Overflow(StrEnum):
    """What happens to a context over its budget."""

    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class SizePolicy:
    """Two budgets at once, both in canonical bytes of the merged document.

    Attributes:
        context_byte_size_max: for what is stored.
        sync_byte_size_max: for what is sent to Genesys, the persistence block included.
    """

    context_byte_size_max: int = 8192
    sync_byte_size_max: int = 10_240
    overflow: Overflow = Overflow.REJECT

    def check(self, context: StampedContext, *, sync_overhead: int) -> None:
        """Raises ContextTooLarge when the stored or the sent document is over its budget.

        Args:
            sync_overhead: the bytes that sending adds to the context's document.
        """
        byte_size = len(context.document)
        if byte_size > self.context_byte_size_max:
            raise ContextTooLarge(
                byte_size=byte_size,
                byte_size_max=self.context_byte_size_max,
                budget="context",
                largest=largest(context.texts),
            )
        if byte_size + sync_overhead > self.sync_byte_size_max:
            raise ContextTooLarge(
                byte_size=byte_size + sync_overhead,
                byte_size_max=self.sync_byte_size_max,
                budget="sync document",
                largest=largest(context.texts),
            )
