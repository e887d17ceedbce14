"""A decision: everything that is to be written about a session, as a pure function gives it."""

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
from domain.sync.policy import SyncPolicy


class Outcome(StrEnum):
    """How an event was applied."""

    PERSISTED = "persisted"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    ENDED = "ended"


def any_document(document: bytes) -> tuple[Violation, ...]:  # noqa: ARG001 - a schema that accepts everything
    """The schema of a deployment that has none: every document is valid."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The rules of a deployment; the same in every replica, or sessions do not converge.

    Attributes:
        schema: gives the violations of a merged context document (canonical bytes).
        variables_max: top-level variables of a context.
        tombstones_max: removed variables that a session remembers.
        tombstone_bytes_max: canonical bytes of the names of those together.
        ending_context: what happens to the context of an ending event.
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
    """Everything that is to be written about a session, in one atomic write.

    Attributes:
        state: the session's new state; the same object as before when nothing changes; None when
            there is to be no record.
        audit: entries to add to the trail.
        forgets_audit: the session's earlier entries are shown to nobody from this write on.
        outcome: how the event was applied, where the decision is about one.
        refusal: why the event was refused; the caller raises it once the audit entries are written.
        pruned: what the overflow policy removed.
        context_ignored: the event ends the session and brought a context, which was ignored.
    """

    state: SessionState | None
    audit: tuple[AuditEntry, ...] = ()
    forgets_audit: bool = False
    outcome: Outcome | None = None
    refusal: EventRefused | None = None
    pruned: Pruned = NOTHING_PRUNED
    context_ignored: bool = False


Decide = Callable[[SessionState | None], Decision]
"""A pure function of the stored state, expired or not, or None. It may be called more than once."""
