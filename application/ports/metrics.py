"""Metrics as ports: counting, and reading what was counted."""

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from application.ports.session_store import SyncBacklog
from domain.decisions.decision import Outcome

WEBHOOK_REFUSALS = ("invalid", "too_large", "store_unavailable")
DELIVERY_OUTCOMES = ("delivered", "refused", "postponed", "misconfigured", "lease_lost")
ROOM_REFUSALS = ("requests", "connections")
CALL_OUTCOMES = ("1xx", "2xx", "3xx", "4xx", "429", "5xx", "no_answer")


class Metrics(Protocol):
    """Counts what happens. Labels are few and known beforehand; never an id or a context value.

    A label that is not in the lists above is counted as `other`.
    """

    @abstractmethod
    def webhook_answered(self, outcome: Outcome, seconds: float) -> None: ...

    @abstractmethod
    def webhook_refused(self, reason: str, seconds: float) -> None:
        """`reason` is a short class name, one of WEBHOOK_REFUSALS."""

    @abstractmethod
    def sync_finished(self, outcome: str, seconds: float | None = None) -> None:
        """`outcome` is one of DELIVERY_OUTCOMES.

        `seconds` is the lag from the change to the acknowledgement.
        """

    @abstractmethod
    def genesys_called(self, outcome: str, seconds: float) -> None:
        """One call of the API: `outcome` is the first digit of the status as `2xx`, `429`, or `no_answer`."""

    @abstractmethod
    def sessions_evicted(self, count: int, *, undelivered: int) -> None:
        """`undelivered` of them were evicted before Genesys had acknowledged their newest state."""

    @abstractmethod
    def eviction_failed(self) -> None:
        """An expired session could not be evicted; the others are."""

    @abstractmethod
    def session_erased(self) -> None: ...

    @abstractmethod
    def requests_refused(self, reason: str, count: int) -> None:
        """The server had no room: `reason`, one of ROOM_REFUSALS, is what there was too much of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookFigures:
    """Webhooks of all server processes since the service started; `seconds` is the sum over the successes."""

    successes: int
    failures: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Exposition:
    """Metrics in the text format that `content_type` names."""

    body: bytes
    content_type: str


class MetricsReader(Protocol):
    """Reads what was counted, in all server processes that were started together."""

    @abstractmethod
    def webhook_figures(self) -> WebhookFigures: ...

    @abstractmethod
    def exposition(self, backlog: SyncBacklog | None, now: datetime) -> Exposition:
        """All metrics; those of the backlog are left out when the store did not answer (None)."""
