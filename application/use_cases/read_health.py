"""The figures of this server process at a glance."""

from dataclasses import dataclass

from application.errors import StoreUnavailable
from application.ports.metrics import MetricsReader
from application.ports.session_store import SessionStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Attributes:
    attempts: webhooks since the start, refused ones included.
    successes: webhooks that were answered with an outcome.
    average_seconds: from the arrival to the answer, of the successes; 0 while there are none.
    store_answers: whether the store answered just now.
    audit_count: audit entries of all sessions; None when the store does not answer or cannot count them.
    """

    attempts: int
    successes: int
    failures: int
    average_seconds: float
    store_answers: bool
    audit_count: int | None


class ReadHealthHandler:
    def __init__(self, *, store: SessionStore, metrics: MetricsReader) -> None:
        self._store = store
        self._metrics = metrics

    async def __call__(self) -> Health:
        audit_count, store_answers = None, True
        try:
            audit_count = await self._store.audit_count()
        except StoreUnavailable:
            store_answers = False
        figures = self._metrics.webhook_figures()
        return Health(
            attempts=figures.successes + figures.failures,
            successes=figures.successes,
            failures=figures.failures,
            average_seconds=figures.seconds / figures.successes if figures.successes else 0.0,
            store_answers=store_answers,
            audit_count=audit_count,
        )
