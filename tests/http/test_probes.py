"""Health, readiness and metrics."""

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from domain.decisions.decision import Decide, Decision
from domain.ids import SessionId
from entrypoints.policies import server_limits
from entrypoints.settings import Settings
from tests.http.keeper import Keeper, problem, running_keeper


async def test_health_counts_webhooks_by_the_names_of_the_tutorial(keeper: Keeper) -> None:
    await keeper.post(context={"a": 1})
    await keeper.post(context={"a": 1})
    keeper.clock.advance(1)
    await keeper.post(context={"a": "x" * 9000})
    await keeper.post(ttlSeconds=0)
    await keeper.post_raw(b"not JSON")
    await keeper.post_raw(b"{}", content_type="text/plain")
    await keeper.post_raw(b"x" * 200_000)

    health = (await keeper.http.get("/health")).json()

    assert health == {
        "status": "operational",
        "metrics": {
            "totalAttempts": 7,
            "successfulRetrievals": 2,
            "failures": 5,
            "averageLatencyMs": 0.0,
        },
        "auditLogCount": 4,
    }


async def test_the_mean_latency_is_over_the_successes(keeper: Keeper) -> None:
    update = keeper.store.update

    async def slow_update(session_id: SessionId, decide: Decide) -> Decision:
        keeper.clock.advance(0.25)
        return await update(session_id, decide)

    await keeper.post(ttlSeconds=0)
    keeper.store.update = slow_update  # type: ignore[method-assign]
    await keeper.post(context={"a": 1})

    assert (await keeper.http.get("/health")).json()["metrics"]["averageLatencyMs"] == 250.0


async def test_health_answers_while_the_store_is_away(keeper: Keeper) -> None:
    keeper.store.break_down()
    problem(await keeper.post(context={"a": 1}), 503)

    answer = await keeper.http.get("/health")

    assert (answer.status_code, answer.json()["status"], answer.json()["auditLogCount"]) == (
        200,
        "degraded",
        None,
    )
    assert answer.json()["metrics"]["failures"] == 1


async def test_a_store_that_cannot_count_its_trail_answers_all_the_same(keeper: Keeper) -> None:
    async def uncounted() -> None:
        return None

    keeper.store.audit_count = uncounted  # type: ignore[assignment, method-assign]

    answer = (await keeper.http.get("/health")).json()

    assert (answer["status"], answer["auditLogCount"]) == ("operational", None)


async def test_a_process_that_runs_is_alive_whatever_the_store_does(keeper: Keeper) -> None:
    keeper.store.break_down()

    answer = await keeper.http.get("/health/live")

    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def test_a_service_whose_store_answers_is_ready() -> None:
    async with running_keeper(genesys_client_id="id", genesys_client_secret="secret") as keeper:
        answer = await keeper.http.get("/health/ready")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "store": None,
        "genesys": None,
        "eviction": None,
        "clockSkewMs": None,
    }


async def test_a_service_without_credentials_is_ready_and_says_that_it_has_none(keeper: Keeper) -> None:
    answer = await keeper.http.get("/health/ready")

    assert (answer.status_code, answer.json()["genesys"]) == (200, "no credentials are set")


async def test_the_skew_of_the_clocks_is_told(keeper: Keeper) -> None:
    async def ahead(*_: Any) -> timedelta:
        return timedelta(milliseconds=1500)

    keeper.store.clock_skew = ahead  # type: ignore[method-assign]

    answer = (await keeper.http.get("/health/ready")).json()
    assert (answer["clockSkewMs"], answer["eviction"]) == (1500.0, None)


async def test_clocks_so_far_apart_that_nothing_is_evicted_are_told_but_sessions_are_served(
    keeper: Keeper,
) -> None:
    async def behind(*_: Any) -> timedelta:
        return timedelta(hours=-2)

    keeper.store.clock_skew = behind  # type: ignore[method-assign]

    answer = await keeper.http.get("/health/ready")

    assert answer.status_code == 200
    assert answer.json()["eviction"] == (
        "our clock is 7200.0 s ahead of the store's, more than 60 s: nothing is evicted"
    )


async def test_a_service_whose_store_is_away_is_not_ready_and_says_why(keeper: Keeper) -> None:
    keeper.store.break_down("connection refused")

    answer = await keeper.http.get("/health/ready")

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/json")
    assert (answer.json()["status"], answer.json()["store"]) == ("unavailable", "connection refused")


async def test_metrics_are_in_the_format_of_prometheus_and_name_no_session(keeper: Keeper) -> None:
    await keeper.post(sessionId="a-session-of-ours", context={"a": 1})
    await keeper.post(sessionId="a-session-of-ours", ttlSeconds=0)

    answer = await keeper.http.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert values["session_keeper_webhooks_total", "persisted"] == 1
    assert values["session_keeper_webhooks_total", "invalid"] == 1
    assert values["session_keeper_sync_due",] == 1
    assert values["session_keeper_store_up",] == 1
    assert "a-session-of-ours" not in answer.text


async def test_metrics_answer_while_the_store_is_away(keeper: Keeper) -> None:
    keeper.store.break_down()

    answer = await keeper.http.get("/metrics")

    assert answer.status_code == 200
    assert "session_keeper_store_up 0.0" in answer.text


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/metrics"])
async def test_probes_have_no_problem_with_strange_callers(keeper: Keeper, path: str) -> None:
    headers = [
        ("x-forwarded-for", "1.2.3.4, \xff"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-host", "evil.test"),
        ("forwarded", "host=evil.test"),
        ("cookie", 'a="; b=\xff; =;;'),
        ("accept", "nonsense"),
    ]

    answer = await keeper.http.get(
        path,
        headers=[(name, value.encode("latin-1")) for name, value in headers],  # type: ignore[arg-type]
    )

    assert answer.status_code == 200
    assert "evil.test" not in answer.text + str(answer.headers)


async def test_what_the_server_refused_for_want_of_room_is_counted(keeper: Keeper) -> None:
    keeper.service.metrics.requests_refused("requests", 3)
    keeper.service.metrics.requests_refused("requests", 4)

    exposition = (await keeper.http.get("/metrics")).text
    assert 'session_keeper_requests_refused_total{reason="requests"} 7.0' in exposition


async def test_every_probe_is_answered_by_a_server_without_room(keeper: Keeper) -> None:
    limits = server_limits(Settings(requests_under_way_max=7))

    assert limits.requests_under_way_max == 7
    assert limits.paths_always_answered == {"/health", "/health/live", "/health/ready", "/metrics"}
    for path in limits.paths_always_answered:
        assert (await keeper.http.get(path)).status_code == 200
