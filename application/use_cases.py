"""The table of contents: everything that this service can be asked to do."""

from dataclasses import dataclass

from application.check_readiness import CheckReadinessHandler
from application.erase_session import EraseSessionHandler, EraseSubjectHandler
from application.evict_expired import EvictExpiredHandler
from application.persist_session import PersistSessionHandler
from application.read_health import ReadHealthHandler
from application.read_metrics import ReadMetricsHandler
from application.read_session import ReadAuditTrailHandler, ReadSessionHandler
from application.refuse_event import RefuseEventHandler
from application.retry_syncs import ListFailedSyncsHandler, RetrySyncsHandler


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
