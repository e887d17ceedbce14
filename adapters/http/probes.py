"""Health, readiness and metrics."""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.status_codes import HTTP_200_OK, HTTP_503_SERVICE_UNAVAILABLE

from adapters.http.answers import HealthAnswer, LiveAnswer, ReadinessAnswer, WebhookMetricsAnswer, encoded
from adapters.http.openapi import (
    HEALTH_RESPONSES,
    LIVE_RESPONSES,
    METRICS_RESPONSES,
    READY_RESPONSES,
    DocumentedOperation,
)
from application.use_cases import UseCases

JSON = "application/json"
MILLISECONDS = 1000.0
PROBES = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})
"""What is asked most when there is too much to do: answered however many requests are under way."""


@get(
    "/health",
    operation_id="Health",
    summary="Figures at a glance",
    responses=HEALTH_RESPONSES,
    tags=["probes"],
)
async def health(use_cases: NamedDependency[UseCases]) -> Response[bytes]:
    """`totalAttempts` counts webhooks since this process started; `auditLogCount` the whole trail."""
    figures = await use_cases.read_health()
    answer = HealthAnswer(
        status="operational" if figures.store_answers else "degraded",
        metrics=WebhookMetricsAnswer(
            total_attempts=figures.attempts,
            successful_retrievals=figures.successes,
            failures=figures.failures,
            average_latency_ms=round(figures.average_seconds * MILLISECONDS, 3),
        ),
        audit_log_count=figures.audit_count,
    )
    return Response(content=encoded(answer), media_type=JSON)


@get(
    "/health/live", operation_id="Live", summary="The process runs", responses=LIVE_RESPONSES, tags=["probes"]
)
async def live() -> Response[bytes]:
    return Response(content=encoded(LiveAnswer(status="alive")), media_type=JSON)


@get(
    "/health/ready",
    operation_id="Ready",
    summary="Events can be taken in",
    responses=READY_RESPONSES,
    tags=["probes"],
)
async def ready(use_cases: NamedDependency[UseCases]) -> Response[bytes]:
    """503 with the cause when the store does not answer. Genesys being away does not make it unready."""
    readiness = await use_cases.check_readiness()
    skew = readiness.clock_skew
    answer = ReadinessAnswer(
        status="ready" if readiness.ready else "unavailable",
        store=readiness.store_problem,
        genesys=readiness.genesys_problem,
        eviction=readiness.eviction_problem,
        clock_skew_ms=None if skew is None else round(skew.total_seconds() * MILLISECONDS, 3),
    )
    status = HTTP_200_OK if readiness.ready else HTTP_503_SERVICE_UNAVAILABLE
    return Response(content=encoded(answer), media_type=JSON, status_code=status)


@get(
    "/metrics",
    operation_class=DocumentedOperation,
    operation_id="Metrics",
    summary="Prometheus metrics",
    responses=METRICS_RESPONSES,
    media_type="text/plain",
    tags=["probes"],
)
async def metrics(use_cases: NamedDependency[UseCases]) -> Response[bytes]:
    exposition = await use_cases.read_metrics()
    return Response(content=exposition.body, headers={"content-type": exposition.content_type})
