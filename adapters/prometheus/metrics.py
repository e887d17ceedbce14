"""Metrics in a registry of their own, so that two containers in one process do not meet."""

from collections.abc import Callable
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from application.ports.genesys import BudgetFigures
from application.ports.metrics import Exposition, Metrics, MetricsReader, WebhookFigures
from application.ports.session_store import BACKLOG_COUNT_MAX, SyncBacklog
from domain.decisions.decision import Outcome

_WEBHOOK_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CALL_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_OLD_OUTCOMES = {"delivered": "told"}
_LAG_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


class PrometheusMetrics(Metrics, MetricsReader):
    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._successes = 0
        self._failures = 0
        self._seconds = 0.0
        self._webhooks = Counter(
            "session_keeper_webhooks",
            "Webhooks answered, by outcome or by the reason of refusal",
            ["outcome"],
            registry=self._registry,
        )
        self._webhook_seconds = Histogram(
            "session_keeper_webhook_seconds",
            "From the arrival of a webhook to the decision about it being durable",
            buckets=_WEBHOOK_SECONDS,
            registry=self._registry,
        )
        self._deliveries = Counter(
            "session_keeper_deliveries",
            "Attempts to deliver a session's newest state to Genesys, by outcome",
            ["outcome"],
            registry=self._registry,
        )
        self._syncs = Counter(
            "session_keeper_syncs",
            "Deprecated, goes with the next release: session_keeper_deliveries by its old name",
            ["outcome"],
            registry=self._registry,
        )
        self._leases_lost = Counter(
            "session_keeper_sync_leases_lost",
            "Attempts that outlived their lease, so that their sessions are delivered once more",
            registry=self._registry,
        )
        self._calls = Histogram(
            "session_keeper_genesys_call_seconds",
            "Calls of the Genesys API, by outcome",
            ["outcome"],
            buckets=_CALL_SECONDS,
            registry=self._registry,
        )
        self._lag_seconds = Histogram(
            "session_keeper_sync_lag_seconds",
            "From the change of a session to Genesys' acknowledgement",
            buckets=_LAG_SECONDS,
            registry=self._registry,
        )
        self._evicted = Counter(
            "session_keeper_sessions_evicted", "Expired sessions removed", registry=self._registry
        )
        self._undelivered = Counter(
            "session_keeper_sessions_evicted_undelivered",
            "Expired sessions removed before Genesys had acknowledged their newest state",
            registry=self._registry,
        )
        self._evictions_failed = Counter(
            "session_keeper_eviction_failures",
            "Expired sessions that could not be removed; they are tried again after minutes",
            registry=self._registry,
        )
        self._erased = Counter(
            "session_keeper_sessions_erased", "Sessions erased on request", registry=self._registry
        )
        self._due = Gauge(
            "session_keeper_sync_due",
            f"Sessions whose newest state Genesys has not acknowledged; {BACKLOG_COUNT_MAX} stands for more",
            registry=self._registry,
        )
        self._failed = Gauge(
            "session_keeper_sync_failed",
            f"Sessions whose sync Genesys refused for good; {BACKLOG_COUNT_MAX} stands for more",
            registry=self._registry,
        )
        self._oldest_seconds = Gauge(
            "session_keeper_sync_oldest_seconds",
            "How long the longest waiting session has waited, back-off included",
            registry=self._registry,
        )
        self._store_up = Gauge(
            "session_keeper_store_up", "1 when the store answered this scrape", registry=self._registry
        )

    @property
    def registry(self) -> CollectorRegistry:
        return self._registry

    def webhook_answered(self, outcome: Outcome, seconds: float) -> None:
        self._successes += 1
        self._seconds += seconds
        self._webhooks.labels(outcome.value).inc()
        self._webhook_seconds.observe(seconds)

    def webhook_refused(self, reason: str, seconds: float) -> None:
        self._failures += 1
        self._webhooks.labels(reason).inc()
        self._webhook_seconds.observe(seconds)

    def watch_budget(self, figures: Callable[[], BudgetFigures]) -> None:
        """The budget is asked at every scrape."""
        for name, words, of in (
            ("allowed", "Calls that Genesys allows in a window", lambda: figures().allowed),
            ("left", "Calls of this window that may still be made", lambda: figures().left),
            ("in_flight", "Calls of Genesys under way", lambda: figures().in_flight),
            ("closed_seconds", "How long Genesys asked us to wait still", lambda: figures().closed_seconds),
        ):
            Gauge(f"session_keeper_budget_{name}", words, registry=self._registry).set_function(of)

    def sync_finished(self, outcome: str, seconds: float | None = None) -> None:
        self._deliveries.labels(outcome).inc()
        self._syncs.labels(_OLD_OUTCOMES.get(outcome, outcome)).inc()
        if outcome == "lease_lost":
            self._leases_lost.inc()
        if seconds is not None:
            self._lag_seconds.observe(seconds)

    def genesys_called(self, outcome: str, seconds: float) -> None:
        self._calls.labels(outcome).observe(seconds)

    def sessions_evicted(self, count: int, *, undelivered: int) -> None:
        self._evicted.inc(count)
        self._undelivered.inc(undelivered)

    def eviction_failed(self) -> None:
        self._evictions_failed.inc()

    def session_erased(self) -> None:
        self._erased.inc()

    def webhook_figures(self) -> WebhookFigures:
        return WebhookFigures(successes=self._successes, failures=self._failures, seconds=self._seconds)

    def exposition(self, backlog: SyncBacklog | None, now: datetime) -> Exposition:
        self._store_up.set(0 if backlog is None else 1)
        if backlog is not None:
            since = backlog.oldest_waiting_since
            self._due.set(backlog.due)
            self._failed.set(backlog.failed)
            self._oldest_seconds.set(0.0 if since is None else max(0.0, (now - since).total_seconds()))
        return Exposition(generate_latest(self._registry), CONTENT_TYPE_LATEST)
