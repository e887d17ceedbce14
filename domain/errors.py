"""The errors of the domain: what makes an event or a context invalid.

SessionKeeperError
└── DomainError
    └── EventRefused            the sender's fault: sending it again changes nothing
        ├── InvalidEvent        a field is missing or not valid, or the context fails its schema
        └── ContextTooLarge     over a byte budget, also after the overflow policy
"""

from dataclasses import dataclass

from domain.excerpts import listed


class SessionKeeperError(Exception):
    """The root of everything this service raises on purpose."""


class DomainError(SessionKeeperError):
    """A rule of the domain was broken."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that a document breaks.

    Attributes:
        pointer: JSON Pointer (RFC 6901) to the place; the empty string is the whole document.
        code: a short, stable, lower-case name for programs (`duplicate_name`).
        detail: one sentence for a person; never a context value.
    """

    pointer: str
    code: str
    detail: str


class EventRefused(DomainError):
    """The event is the sender's fault; sending it again unchanged gives the same answer."""

    @property
    def reason(self) -> str:
        """A short text for the audit trail, without any context value."""
        return str(self)


class InvalidEvent(EventRefused):
    """One or more fields are missing or not valid; `violations` has every one, the text the first few."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        named = (f"{violation.pointer or '/'}: {violation.code}" for violation in violations)
        super().__init__(listed(named, len(violations), separator="; "))
        self.violations = violations


@dataclass(frozen=True, slots=True)
class VariableSize:
    """A top-level context variable and the bytes that it takes in the canonical document."""

    name: str
    byte_size: int


class ContextTooLarge(EventRefused):
    """The context is over a budget.

    Attributes:
        byte_size: canonical bytes of the document that was measured.
        byte_size_max: the budget that was exceeded.
        budget: which budget (`context` or `sync document`).
        largest: the largest variables, largest first, at most ten.
    """

    def __init__(
        self, *, byte_size: int, byte_size_max: int, budget: str, largest: tuple[VariableSize, ...]
    ) -> None:
        super().__init__(f"{budget} of {byte_size} bytes is over the limit of {byte_size_max}")
        self.byte_size = byte_size
        self.byte_size_max = byte_size_max
        self.budget = budget
        self.largest = largest
