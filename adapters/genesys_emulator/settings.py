"""What an emulator is started with."""

from dataclasses import dataclass

from adapters.genesys_emulator.faults import FaultRule
from adapters.genesys_emulator.permissions import EVERYTHING, check_permission

RATE_LIMIT = 300
"""Calls a minute that Genesys allows a token of client credentials, unless it raised the limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorSettings:
    """How the emulator behaves; the control API changes some of it while it runs.

    Raises:
        ValueError: a value is outside its bounds.
    """

    client_id: str | None = None
    """The only client that may log in; None: any non-empty id."""
    client_secret: str | None = None
    """The secret of that client; None: any non-empty secret."""
    token_seconds: int = 86_400
    """How long a new token lives; Genesys' default is 24 hours."""
    rate_limit: int = RATE_LIMIT
    """Calls in one window for one token; 0: unlimited."""
    rate_window_seconds: float = 60.0
    latency_seconds: float = 0.0
    """How long every call of Genesys' own paths waits before anything happens to it."""
    permissions: tuple[str, ...] = (EVERYTHING,)
    """What every client may do, as `domain:entity:action`; each part may be `*`."""
    faults: tuple[FaultRule, ...] = ()
    seed: int | None = None
    """Seeds the dice of faults with a probability; None: different in every run."""
    know_all: bool = True
    """An unknown conversation or session that is addressed comes into being; else it is a 404."""
    writes_max: int = 100_000
    """How many accepted writes the log keeps; the oldest go first."""
    documents_max: int = 100_000
    """How many conversations, and how many sessions, are kept; the oldest go first."""
    tokens_max: int = 10_000
    """How many tokens are kept; the oldest go first."""
    body_bytes_max: int = 1_048_576

    def __post_init__(self) -> None:
        for permission in self.permissions:
            check_permission(permission)
        for name, smallest in (
            ("token_seconds", 1),
            ("rate_limit", 0),
            ("latency_seconds", 0),
            ("writes_max", 1),
            ("documents_max", 1),
            ("tokens_max", 1),
            ("body_bytes_max", 1),
        ):
            if not getattr(self, name) >= smallest:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least {smallest}")
        if not self.rate_window_seconds > 0:
            raise ValueError(f"rate_window_seconds is {self.rate_window_seconds}; it must be more than 0")
