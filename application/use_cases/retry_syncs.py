"""Listing the syncs that failed for good, and making them due again."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from application.ports.runtime import Clock
from application.ports.session_store import FailedSyncs, SessionStore
from domain.decisions.decision import Decision
from domain.decisions.retry import decide_retry
from domain.ids import SessionId
from domain.session.state import SessionState

PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySyncs:
    """Make these sessions due again, or all whose sync failed for good.

    Attributes:
        session_ids: None: all that failed, with `code` if that is given.
        dry_run: nothing is changed.
    """

    session_ids: tuple[SessionId, ...] | None = None
    code: str | None = None
    dry_run: bool = False


class ListFailedSyncsHandler:
    def __init__(self, *, store: SessionStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self) -> Sequence[FailedSyncs]:
        """The failed syncs by code, the most frequent code first."""
        classes = await self._store.failed_by_code(self._clock.now())
        return sorted(classes, key=lambda one: (-one.count, one.code))


class RetrySyncsHandler:
    def __init__(self, *, store: SessionStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, command: RetrySyncs) -> AsyncIterator[SessionId]:
        """The sessions made due again (or that would be), one by one; the sync loop delivers them later."""
        async for session_id in self._chosen(command):
            if command.dry_run or await self._put_back(session_id):
                yield session_id

    async def _chosen(self, command: RetrySyncs) -> AsyncIterator[SessionId]:
        now, after = self._clock.now(), None
        if command.session_ids is not None:
            for session_id in command.session_ids:
                state = await self._store.read(session_id, now)
                if state is not None and decide_retry(state, now).audit:
                    yield session_id
            return
        while page := await self._store.failed_syncs(now, code=command.code, after=after, limit=PAGE):
            for session_id in page:
                yield session_id
            after = page[-1]

    async def _put_back(self, session_id: SessionId) -> bool:
        now = self._clock.now()

        def decide(before: SessionState | None) -> Decision:
            return decide_retry(before, now)

        return bool((await self._store.update(session_id, decide)).audit)
