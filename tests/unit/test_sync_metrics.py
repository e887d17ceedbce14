"""What is measured of the sync."""

import asyncio
from datetime import timedelta

from adapters.genesys.budget import GenesysBudget
from adapters.prometheus.metrics import PrometheusMetrics
from application.ports.session_store import SyncBacklog
from domain.decisions.decision import Outcome
from tests.factories import START


def scraped(metrics: PrometheusMetrics, backlog: SyncBacklog | None = None) -> dict[str, float]:
    text = metrics.exposition(backlog, START).body.decode()
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


async def test_the_budget_is_shown_as_it_stands() -> None:
    metrics, budget = PrometheusMetrics(), GenesysBudget(calls_per_minute=300)
    metrics.watch_budget(budget.figures)
    assert scraped(metrics)["session_keeper_budget_left"] == 300
    async with budget.permit():
        budget.close(30)

        found = scraped(metrics)

    assert found["session_keeper_budget_allowed"] == 300
    assert found["session_keeper_budget_left"] == 299
    assert found["session_keeper_budget_in_flight"] == 1
    assert 29 < found["session_keeper_budget_closed_seconds"] <= 30
    assert scraped(metrics)["session_keeper_budget_in_flight"] == 0


async def test_the_budget_can_be_asked_from_a_thread_without_a_loop() -> None:
    budget = GenesysBudget(calls_per_minute=300)
    async with budget.permit():
        figures = await asyncio.to_thread(budget.figures)

    assert figures.in_flight == 1


def test_calls_are_counted_by_outcome_and_leases_that_were_lost_too() -> None:
    metrics = PrometheusMetrics()
    metrics.genesys_called("2xx", 0.2)
    metrics.genesys_called("429", 0.1)
    metrics.sync_finished("lease_lost")
    metrics.sync_finished("delivered", 0.3)

    found = scraped(metrics)

    assert found['session_keeper_genesys_call_seconds_count{outcome="2xx"}'] == 1
    assert found['session_keeper_genesys_call_seconds_count{outcome="429"}'] == 1
    assert found['session_keeper_deliveries_total{outcome="delivered"}'] == 1
    assert found['session_keeper_syncs_total{outcome="told"}'] == 1  # by its old name, for one release
    assert found["session_keeper_sync_leases_lost_total"] == 1
    assert found["session_keeper_sync_lag_seconds_count"] == 1


def test_what_is_due_and_for_how_long_is_shown() -> None:
    backlog = SyncBacklog(due=3, oldest_waiting_since=START - timedelta(seconds=40), failed=2)

    found = scraped(PrometheusMetrics(), backlog)

    assert found["session_keeper_sync_due"] == 3
    assert found["session_keeper_sync_oldest_seconds"] == 40
    assert found["session_keeper_sync_failed"] == 2


def test_sessions_that_went_undelivered_are_counted_by_themselves() -> None:
    metrics = PrometheusMetrics()
    metrics.sessions_evicted(3, undelivered=1)
    metrics.sessions_evicted(2, undelivered=0)

    found = scraped(metrics)

    assert found["session_keeper_sessions_evicted_total"] == 5
    assert found["session_keeper_sessions_evicted_undelivered_total"] == 1


def test_a_label_that_nobody_knows_is_counted_as_other() -> None:
    metrics = PrometheusMetrics()
    metrics.webhook_refused("a new reason", 0.1)
    metrics.genesys_called("9xx", 0.2)

    found = scraped(metrics)

    assert found['session_keeper_webhooks_total{outcome="other"}'] == 1
    assert found['session_keeper_genesys_call_seconds_count{outcome="other"}'] == 1
    assert metrics.webhook_figures().failures == 1


def test_a_webhook_is_in_the_bucket_of_its_time_and_in_all_above() -> None:
    metrics = PrometheusMetrics()
    metrics.webhook_answered(Outcome.PERSISTED, 0.005)  # the upper end of a bucket is in it
    metrics.webhook_answered(Outcome.UNCHANGED, 0.006)
    metrics.webhook_refused("invalid", 11.0)

    found = scraped(metrics)

    buckets = {
        name.partition('le="')[2]: value for name, value in found.items() if "webhook_seconds_b" in name
    }
    assert buckets['0.0025"}'] == 0
    assert buckets['0.005"}'] == 1
    assert buckets['0.01"}'] == buckets['10.0"}'] == 2
    assert buckets['+Inf"}'] == found["session_keeper_webhook_seconds_count"] == 3
    assert found["session_keeper_webhook_seconds_sum"] == 11.011
    figures = metrics.webhook_figures()
    assert (figures.successes, figures.failures, figures.seconds) == (2, 1, 0.011)


def test_backlog_is_left_out_when_the_store_did_not_say() -> None:
    found = scraped(PrometheusMetrics(), None)

    assert found["session_keeper_store_up"] == 0
    assert "session_keeper_sync_due" not in found
