"""Metrics: counted on the board of the server processes, written down for Prometheus at a scrape."""

from collections.abc import Callable
from datetime import datetime

from adapters.process_board.board import Board, private_board
from adapters.prometheus.counted import (
    CALLS,
    DELIVERIES,
    ERASED,
    EVICTED,
    EVICTIONS_FAILED,
    LAG_SECONDS,
    LAYOUT,
    REFUSED,
    SUCCESS_SECONDS,
    UNDELIVERED,
    WEBHOOK_SECONDS,
    WEBHOOKS,
)
from application.ports.genesys import BudgetFigures
from application.ports.metrics import Exposition, Metrics, MetricsReader, WebhookFigures
from application.ports.session_store import SyncBacklog
from domain.decisions.decision import Outcome


class PrometheusMetrics(Metrics, MetricsReader):
    def __init__(self, board: Board | None = None) -> None:
        """What is read is that of all processes on the board; without one, of this process alone."""
        self._board = board or private_board(LAYOUT.count)
        self._numbers = self._board.numbers
        self._budget: Callable[[], BudgetFigures] | None = None

    def webhook_answered(self, outcome: Outcome, seconds: float) -> None:
        numbers = self._numbers
        numbers[WEBHOOKS[outcome]] += 1.0
        numbers[SUCCESS_SECONDS] += seconds
        WEBHOOK_SECONDS.observe(numbers, seconds)

    def webhook_refused(self, reason: str, seconds: float) -> None:
        self._numbers[WEBHOOKS[reason]] += 1.0
        WEBHOOK_SECONDS.observe(self._numbers, seconds)

    def watch_budget(self, figures: Callable[[], BudgetFigures]) -> None:
        """The budget is asked at every scrape."""
        self._budget = figures

    def sync_finished(self, outcome: str, seconds: float | None = None) -> None:
        self._numbers[DELIVERIES[outcome]] += 1.0
        if seconds is not None:
            LAG_SECONDS.observe(self._numbers, seconds)

    def genesys_called(self, outcome: str, seconds: float) -> None:
        CALLS[outcome].observe(self._numbers, seconds)

    def sessions_evicted(self, count: int, *, undelivered: int) -> None:
        self._numbers[EVICTED] += count
        self._numbers[UNDELIVERED] += undelivered

    def eviction_failed(self) -> None:
        self._numbers[EVICTIONS_FAILED] += 1.0

    def session_erased(self) -> None:
        self._numbers[ERASED] += 1.0

    def requests_refused(self, reason: str, count: int) -> None:
        self._numbers[REFUSED[reason]] += count

    def webhook_figures(self) -> WebhookFigures:
        totals = self._board.totals()
        successes = sum(totals[WEBHOOKS[outcome]] for outcome in Outcome)
        return WebhookFigures(
            successes=round(successes),
            failures=round(sum(totals[place] for place in WEBHOOKS.values()) - successes),
            seconds=totals[SUCCESS_SECONDS],
        )

    def exposition(self, backlog: SyncBacklog | None, now: datetime) -> Exposition:
        # Loaded by the first scrape, not by the start: 30 ms.
        from adapters.prometheus.exposition import exposition

        budget = None if self._budget is None else self._budget()
        return exposition(self._board.totals(), backlog, budget, now)
