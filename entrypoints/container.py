"""The composition root: the one place that knows every part, and the only importer of the container library.

Which store is opened, the settings say by the scheme of its URL (`entrypoints.stores`). A container serves
once: what is closed is not opened again.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from dependency_injector import containers, providers

from adapters.genesys.budget import GenesysBudget
from adapters.genesys.gateway_on_demand import gateway_on_demand
from adapters.process_board.board import Board
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.system.clock import SystemClock
from adapters.system.ids import RandomIds
from application.ports.genesys import GenesysGateway
from application.ports.metrics import Metrics
from application.ports.runtime import Clock, IdGenerator
from application.ports.session_store import SessionStore
from application.sync.attempt import SyncSessionHandler
from application.sync.conclusions import SyncConclusions
from application.sync.inline import InlineSync
from application.sync.loop import SyncLoop
from application.use_cases import UseCases
from application.use_cases.check_readiness import CheckReadinessHandler
from application.use_cases.erase_session import EraseSessionHandler, EraseSubjectHandler
from application.use_cases.evict_expired import EvictExpiredHandler
from application.use_cases.persist_session import PersistSessionHandler
from application.use_cases.read_health import ReadHealthHandler
from application.use_cases.read_metrics import ReadMetricsHandler
from application.use_cases.read_session import ReadAuditTrailHandler, ReadSessionHandler
from application.use_cases.refuse_event import RefuseEventHandler
from application.use_cases.retry_syncs import ListFailedSyncsHandler, RetrySyncsHandler
from domain.decisions.decision import Policies
from entrypoints import policies as rules
from entrypoints.processes import SyncNotes, open_board
from entrypoints.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Everything that a process runs: what it can be asked, and what it does by itself."""

    use_cases: UseCases
    sync_loop: SyncLoop
    inline_sync: InlineSync
    sync_notes: SyncNotes
    store: SessionStore
    gateway: GenesysGateway
    clock: Clock
    metrics: Metrics
    settings: Settings


def _build_service(
    *,
    settings: Settings,
    store: SessionStore,
    gateway: GenesysGateway,
    budget: GenesysBudget,
    board: Board,
    clock: Clock,
    ids: IdGenerator,
    metrics: PrometheusMetrics,
    policies: Policies,
) -> Service:
    conclusions = SyncConclusions(metrics=metrics, policy=rules.conclusion_policy(settings))
    sync_session = SyncSessionHandler(
        store=store,
        gateway=gateway,
        clock=clock,
        ids=ids,
        conclusions=conclusions,
        policies=policies,
    )
    sync_loop = SyncLoop(
        store=store,
        budget=budget,
        clock=clock,
        sync_session=sync_session,
        conclusions=conclusions,
        policy=rules.sync_loop_policy(settings),
    )
    inline_sync = InlineSync(loop=sync_loop, seconds_max=settings.sync_inline_seconds)
    clock_skew_max = timedelta(seconds=settings.clock_skew_max_seconds)
    erase_session = EraseSessionHandler(store=store, clock=clock, ids=ids, metrics=metrics, policies=policies)

    inline = settings.sync_mode == "inline" and settings.delivers

    def genesys_problem() -> str | None:
        if settings.sync_target != "none" and not settings.has_credentials:
            return "no credentials are set"
        return None if sync_loop.misconfigured is None else str(sync_loop.misconfigured)

    sync_notes = SyncNotes(board, budget=budget.figures, problem=genesys_problem)
    metrics.watch_budget(sync_notes.budget)
    use_cases = UseCases(
        persist_session=PersistSessionHandler(
            store=store,
            clock=clock,
            ids=ids,
            metrics=metrics,
            policies=policies,
            sync_soon=inline_sync.sync_soon if inline else sync_loop.sync_soon,
        ),
        refuse_event=RefuseEventHandler(store=store, clock=clock, metrics=metrics),
        read_session=ReadSessionHandler(store=store, clock=clock),
        read_audit_trail=ReadAuditTrailHandler(store=store),
        erase_session=erase_session,
        erase_subject=EraseSubjectHandler(store=store, erase_session=erase_session),
        evict_expired=EvictExpiredHandler(
            store=store,
            clock=clock,
            ids=ids,
            metrics=metrics,
            audit_retention=timedelta(seconds=settings.audit_retention_seconds),
            clock_skew_max=clock_skew_max,
        ),
        list_failed_syncs=ListFailedSyncsHandler(store=store, clock=clock),
        retry_syncs=RetrySyncsHandler(store=store, clock=clock),
        check_readiness=CheckReadinessHandler(
            store=store, clock=clock, genesys_problem=sync_notes.problem, clock_skew_max=clock_skew_max
        ),
        read_health=ReadHealthHandler(store=store, metrics=metrics),
        read_metrics=ReadMetricsHandler(store=store, clock=clock, metrics=metrics),
    )
    return Service(
        use_cases=use_cases,
        sync_loop=sync_loop,
        inline_sync=inline_sync,
        sync_notes=sync_notes,
        store=store,
        gateway=gateway,
        clock=clock,
        metrics=metrics,
        settings=settings,
    )


def _open_store(settings: Settings) -> AbstractAsyncContextManager[SessionStore]:
    return settings.store.open(settings.store_url, rules.store_limits(settings))


def _open_gateway(
    settings: Settings, *, budget: GenesysBudget, clock: Clock, metrics: PrometheusMetrics
) -> AbstractAsyncContextManager[GenesysGateway]:
    def load() -> AbstractAsyncContextManager[GenesysGateway]:
        from entrypoints.genesys import open_gateway

        return open_gateway(settings, budget=budget, clock=clock, metrics=metrics)

    return gateway_on_demand(load)


class Container(containers.DeclarativeContainer):
    settings = providers.Dependency(instance_of=Settings)
    clock: providers.Provider[Clock] = providers.Singleton(SystemClock)
    ids: providers.Provider[IdGenerator] = providers.Singleton(RandomIds)
    board: providers.Provider[Board] = providers.Singleton(open_board, None)
    metrics: providers.Provider[PrometheusMetrics] = providers.Singleton(PrometheusMetrics, board)
    policies: providers.Provider[Policies] = providers.Singleton(rules.policies, settings)

    session_store: providers.Provider[SessionStore] = providers.Resource(_open_store, settings)
    budget: providers.Provider[GenesysBudget] = providers.Singleton(
        GenesysBudget, calls_per_minute=settings.provided.genesys_calls_per_minute
    )
    gateway: providers.Provider[GenesysGateway] = providers.Resource(
        _open_gateway, settings, budget=budget, clock=clock, metrics=metrics
    )
    service = providers.Factory(
        _build_service,
        settings=settings,
        store=session_store,
        gateway=gateway,
        budget=budget,
        board=board,
        clock=clock,
        ids=ids,
        metrics=metrics,
        policies=policies,
    )


@asynccontextmanager
async def open_service(container: Container) -> AsyncIterator[Service]:
    """The service with everything open that it needs; closed in the opposite order.

    Raises:
        StoreUnavailable: the store cannot be opened at all (a wrong URL, a file that cannot be made).
    """
    container.service.enable_async_mode()
    try:
        service: Service = await container.service.async_()
        yield service
    finally:
        if (closing := container.shutdown_resources()) is not None:
            await closing
