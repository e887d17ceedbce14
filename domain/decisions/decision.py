"""What a decision is: the whole of what is to be written about a session, made by pure functions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from domain.audit import AuditEntry
from domain.context.pruning import NOTHING_PRUNED, Pruned
from domain.context.size_policy import SizePolicy
from domain.errors import EventRefused, Violation
from domain.session.event import EndingContext
from domain.session.state import SessionState
from domain.session.ttl_policy import TtlPolicy
from domain.sync.state import SyncPolicy


class Outcome(StrEnum):
    """What became of an event."""

    PERSISTED = "persisted"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    ENDED = "ended"


def any_document(document: bytes) -> tuple[Violation, ...]:  # noqa: ARG001 - the rule that has none
    """The rule of a deployment without a schema."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The rules of a deployment.

    Attributes:
        schema: gives what is wrong with a merged context document (canonical bytes).
        tombstones_max: how many removed variables a session remembers.
        tombstone_bytes_max: canonical bytes that the names of those may take together.
        ending_context: the same in every process, or sessions do not converge.
    """

    ttl: TtlPolicy = field(default_factory=TtlPolicy)
    size: SizePolicy = field(default_factory=SizePolicy)
    sync: SyncPolicy = field(default_factory=SyncPolicy)
    schema: Callable[[bytes], tuple[Violation, ...]] = any_document
    variables_max: int = 256
    tombstones_max: int = 256
    tombstone_bytes_max: int = 8192
    ending_context: EndingContext = EndingContext.IGNORE


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be written, in one atomic write.

    Attributes:
        state: the session's new state; the same object as before when nothing changes; None when
            there is to be no record.
        audit: entries to add to the trail.
        forgets_audit: the entries that are there are deleted first.
        outcome: what became of the event, where the decision is about one.
        refusal: why the event was refused; the caller raises it once the audit entries are written.
        pruned: what the overflow policy took out.
        context_ignored: the event ends the session and brought a context that was left out.
    """

    state: SessionState | None
    audit: tuple[AuditEntry, ...] = ()
    forgets_audit: bool = False
    outcome: Outcome | None = None
    refusal: EventRefused | None = None
    pruned: Pruned = NOTHING_PRUNED
    context_ignored: bool = False


Decide = Callable[[SessionState | None], Decision]
"""A pure function of the state that is there, expired or not, or None. It may be called more than once."""
