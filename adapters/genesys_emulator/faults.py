"""What goes wrong on demand: the rules, and which of them strikes a call."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import msgspec


class FaultKind(StrEnum):
    """A status is answered in Genesys' error body; the others are what a network does."""

    BAD_REQUEST = "400"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    TOO_MANY_REQUESTS = "429"
    INTERNAL_SERVER_ERROR = "500"
    BAD_GATEWAY = "502"
    SERVICE_UNAVAILABLE = "503"
    GATEWAY_TIMEOUT = "504"
    CLOSE = "close"
    """The connection is closed without an answer; nothing was done."""
    CLOSE_AFTER = "close-after"
    """The call is carried out, and then the connection is closed without an answer."""
    HANG = "hang"
    """No answer for `hang_seconds`; then the call is carried out, if the client is still there."""
    AWAY = "away"
    """The connection is closed at once, before latency and everything else."""


NETWORK_KINDS = frozenset({FaultKind.CLOSE, FaultKind.CLOSE_AFTER, FaultKind.HANG, FaultKind.AWAY})
STATUS_KINDS = frozenset(FaultKind) - NETWORK_KINDS


class FaultRule(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """One thing that goes wrong, and for which calls.

    Without `calls` and `seconds` it holds until it is removed; with both, until the first of them is
    used up. `path_contains` is compared with the path without the query, `method` in upper case.
    `retry_after` goes into the header of that name with any status: whole seconds (`"5"`), an HTTP date
    so many seconds ahead (`"date+5"`), or any other text as it stands, to see what a client makes of it;
    an empty text is no header. When it is absent, a 429 has one second, as every 429 of Genesys has the
    header (announcement of 2021-11-10), and the others have none.

    Raises:
        ValueError: a number is outside its bounds.
    """

    kind: FaultKind
    method: str | None = None
    path_contains: str | None = None
    probability: float = 1.0
    calls: int | None = None
    seconds: float | None = None
    retry_after: str | None = None
    hang_seconds: float = 30.0

    def __post_init__(self) -> None:
        if not 0 < self.probability <= 1:
            raise ValueError(f"probability is {self.probability}; it must be above 0 and at most 1")
        if self.calls is not None and self.calls < 1:
            raise ValueError(f"calls is {self.calls}; it must be at least 1")
        if self.seconds is not None and not self.seconds > 0:
            raise ValueError(f"seconds is {self.seconds}; it must be more than 0")
        if not self.hang_seconds > 0:
            raise ValueError(f"hangSeconds is {self.hang_seconds}; it must be more than 0")
        if self.retry_after is not None and not (
            self.retry_after.isascii() and self.retry_after.isprintable()
        ):
            raise ValueError("retryAfter must be printable ASCII")

    def matches(self, method: str, path: str) -> bool:
        wanted_method = self.method is None or self.method.upper() == method
        return wanted_method and (self.path_contains is None or self.path_contains in path)


class FaultStatus(msgspec.Struct, kw_only=True, rename="camel"):
    """A rule in force. `calls_left` and `seconds_left` are null where it has no such bound."""

    rule: FaultRule
    fired: int
    calls_left: int | None
    seconds_left: float | None


@dataclass(slots=True)
class _ActiveFault:
    rule: FaultRule
    until: float | None
    fired: int = 0

    def is_over(self, now: float) -> bool:
        used_up = self.rule.calls is not None and self.fired >= self.rule.calls
        return used_up or (self.until is not None and now >= self.until)


class FaultBook:
    """The rules in force, in order; the first that matches and whose dice fall strikes the call."""

    def __init__(self) -> None:
        self._active: list[_ActiveFault] = []

    def replace(self, rules: list[FaultRule] | tuple[FaultRule, ...], now: float) -> None:
        """Put these rules in force in place of all others; their `seconds` begin at `now`."""
        self._active = [
            _ActiveFault(rule, until=None if rule.seconds is None else now + rule.seconds) for rule in rules
        ]

    def pick(
        self,
        kinds: frozenset[FaultKind],
        method: str,
        path: str,
        *,
        now: float,
        chance: Callable[[], float],
    ) -> FaultRule | None:
        """The rule that strikes this call, or None; `chance` answers a number in [0, 1)."""
        self._active = [fault for fault in self._active if not fault.is_over(now)]
        for fault in self._active:
            rule = fault.rule
            if rule.kind in kinds and rule.matches(method, path) and chance() < rule.probability:
                fault.fired += 1
                return rule
        return None

    def statuses(self, now: float) -> list[FaultStatus]:
        return [
            FaultStatus(
                rule=fault.rule,
                fired=fault.fired,
                calls_left=None if fault.rule.calls is None else fault.rule.calls - fault.fired,
                seconds_left=None if fault.until is None else round(fault.until - now, 3),
            )
            for fault in self._active
            if not fault.is_over(now)
        ]
