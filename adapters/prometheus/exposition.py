"""The answer of a scrape, from the sums of what was counted; prometheus_client writes it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from adapters.prometheus import counted
from adapters.prometheus.layout import Distribution
from application.ports.genesys import BudgetFigures
from application.ports.metrics import Exposition
from application.ports.session_store import BACKLOG_COUNT_MAX, SyncBacklog

_OLD_OUTCOMES = {"delivered": "told"}


def exposition(
    numbers: Sequence[float], backlog: SyncBacklog | None, budget: BudgetFigures | None, now: datetime
) -> Exposition:
    registry = CollectorRegistry()
    registry.register(_Families([*_counted(numbers), *_of_store(backlog, now), *_of_budget(budget)]))
    return Exposition(generate_latest(registry), CONTENT_TYPE_LATEST)


class _Families(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Sequence[Metric]:
        return self._families


def _counted(numbers: Sequence[float]) -> Iterator[Metric]:
    yield _counters(
        "webhooks",
        "Webhooks answered, by outcome or by the reason of refusal",
        {label: numbers[place] for label, place in counted.WEBHOOKS.items()},
    )
    yield _histogram(
        "webhook_seconds",
        "From the arrival of a webhook to the decision about it being durable",
        counted.WEBHOOK_SECONDS,
        numbers,
    )
    deliveries = {label: numbers[place] for label, place in counted.DELIVERIES.items()}
    yield _counters(
        "deliveries", "Attempts to deliver a session's newest state to Genesys, by outcome", deliveries
    )
    yield _counters(
        "syncs",
        "Deprecated, goes with the next release: session_keeper_deliveries by its old name",
        {_OLD_OUTCOMES.get(label, label): value for label, value in deliveries.items()},
    )
    yield _counters(
        "requests_refused",
        "Requests that the server had no room for, by what there was too much of",
        {label: numbers[place] for label, place in counted.REFUSED.items()},
        label="reason",
    )
    calls = HistogramMetricFamily(
        "session_keeper_genesys_call_seconds", "Calls of the Genesys API, by outcome", labels=["outcome"]
    )
    for label, distribution in counted.CALLS.items():
        if distribution.count(numbers):
            calls.add_metric([label], distribution.buckets(numbers), numbers[distribution.sum])
    yield calls
    yield _histogram(
        "sync_lag_seconds",
        "From the change of a session to Genesys' acknowledgement",
        counted.LAG_SECONDS,
        numbers,
    )
    for name, words, value in (
        (
            "sync_leases_lost",
            "Attempts that outlived their lease, so that their sessions are delivered once more",
            deliveries["lease_lost"],
        ),
        ("sessions_evicted", "Expired sessions removed", numbers[counted.EVICTED]),
        (
            "sessions_evicted_undelivered",
            "Expired sessions removed before Genesys had acknowledged their newest state",
            numbers[counted.UNDELIVERED],
        ),
        (
            "eviction_failures",
            "Expired sessions that could not be removed; they are tried again after minutes",
            numbers[counted.EVICTIONS_FAILED],
        ),
        ("sessions_erased", "Sessions erased on request", numbers[counted.ERASED]),
    ):
        yield CounterMetricFamily(f"session_keeper_{name}", words, value=value)


def _of_store(backlog: SyncBacklog | None, now: datetime) -> Iterator[Metric]:
    yield _gauge("store_up", "1 when the store answered this scrape", 0 if backlog is None else 1)
    if backlog is None:
        return
    since = backlog.oldest_waiting_since
    more = f"{BACKLOG_COUNT_MAX} stands for more"
    yield _gauge("sync_due", f"Sessions whose newest state Genesys has not acknowledged; {more}", backlog.due)
    yield _gauge("sync_failed", f"Sessions whose sync Genesys refused for good; {more}", backlog.failed)
    yield _gauge(
        "sync_oldest_seconds",
        "How long the longest waiting session has waited, back-off included",
        0.0 if since is None else max(0.0, (now - since).total_seconds()),
    )


def _of_budget(budget: BudgetFigures | None) -> Iterator[Metric]:
    if budget is None:
        return
    yield _gauge("budget_allowed", "Calls that Genesys allows in a window", budget.allowed)
    yield _gauge("budget_left", "Calls of this window that may still be made", budget.left)
    yield _gauge("budget_in_flight", "Calls of Genesys under way", budget.in_flight)
    yield _gauge("budget_closed_seconds", "How long Genesys asked us to wait still", budget.closed_seconds)


def _counters(name: str, words: str, values: Mapping[str, float], *, label: str = "outcome") -> Metric:
    family = CounterMetricFamily(f"session_keeper_{name}", words, labels=[label])
    for of, value in values.items():
        if value:
            family.add_metric([of], value)
    return family


def _histogram(name: str, words: str, distribution: Distribution, numbers: Sequence[float]) -> Metric:
    return HistogramMetricFamily(
        f"session_keeper_{name}",
        words,
        buckets=distribution.buckets(numbers),
        sum_value=numbers[distribution.sum],
    )


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"session_keeper_{name}", words, value=value)
