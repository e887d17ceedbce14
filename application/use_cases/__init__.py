"""The use cases: everything that this service can be asked to do."""

from dataclasses import dataclass

from application.use_cases.check_readiness import CheckReadinessHandler
from application.use_cases.erase_session import EraseSessionHandler, EraseSubjectHandler
from application.use_cases.evict_expired import EvictExpiredHandler
from application.use_cases.persist_session import PersistSessionHandler
from application.use_cases.read_health import ReadHealthHandler
from application.use_cases.read_metrics import ReadMetricsHandler
from application.use_cases.read_session import ReadAuditTrailHandler, ReadSessionHandler
from application.use_cases.refuse_event import RefuseEventHandler
from application.use_cases.retry_syncs import ListFailedSyncsHandler, RetrySyncsHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    persist_session: PersistSessionHandler
    refuse_event: RefuseEventHandler
    read_session: ReadSessionHandler
    read_audit_trail: ReadAuditTrailHandler
    erase_session: EraseSessionHandler
    erase_subject: EraseSubjectHandler
    evict_expired: EvictExpiredHandler
    list_failed_syncs: ListFailedSyncsHandler
    retry_syncs: RetrySyncsHandler
    check_readiness: CheckReadinessHandler
    read_health: ReadHealthHandler
    read_metrics: ReadMetricsHandler
