"""The metrics of this server process, with the current backlog of the store."""

from application.errors import StoreUnavailable
from application.ports.metrics import Exposition, MetricsReader
from application.ports.runtime import Clock
from application.ports.session_store import SessionStore


class ReadMetricsHandler:
    def __init__(self, *, store: SessionStore, clock: Clock, metrics: MetricsReader) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics

    async def __call__(self) -> Exposition:
        now = self._clock.now()
        try:
            backlog = await self._store.backlog(now)
        except StoreUnavailable:
            backlog = None
        return self._metrics.exposition(backlog, now)
