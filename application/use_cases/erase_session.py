"""Erasing a session, or everything about a subject."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from application.errors import StoreUnavailable
from application.ports.metrics import Metrics
from application.ports.runtime import Clock, IdGenerator
from application.ports.session_store import SessionStore
from domain.decisions.decision import Decision, Policies
from domain.decisions.erase import decide_erasure
from domain.decisions.unreadable import DecideAnyway
from domain.ids import SessionId, SubjectId
from domain.session.state import SessionState

SUBJECT_BATCH = 200
FAULTS_IN_A_ROW_MAX = 20
"""So many sessions that fail one after another are no bad luck: the store is away."""
_log = logging.getLogger("session_keeper.erase")


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseSession:
    """Erase one session, known or not."""

    session_id: SessionId


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseSubject:
    """Erase every session of a subject."""

    subject_id: SubjectId


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectErasure:
    """What became of it.

    Attributes:
        erased: how many sessions were erased.
        failed: why others could not be; they are still there.
    """

    erased: int
    failed: Mapping[SessionId, str]


class EraseSessionHandler:
    def __init__(
        self,
        *,
        store: SessionStore,
        clock: Clock,
        ids: IdGenerator,
        metrics: Metrics,
        policies: Policies,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._policies = policies

    async def __call__(self, command: EraseSession) -> None:
        """A record that cannot be read is erased as one that was not known.

        Raises:
            StoreUnavailable: it is not certain to be erased; to try again is safe.
        """
        now, persistence_id = self._clock.now(), self._ids.persistence_id()

        def erased(before: SessionState | None) -> Decision:
            return decide_erasure(
                before,
                session_id=command.session_id,
                persistence_id=persistence_id,
                policies=self._policies,
                now=now,
            )

        await self._store.update(command.session_id, DecideAnyway(erased, lambda _: erased(None)))
        self._metrics.session_erased()


class EraseSubjectHandler:
    def __init__(self, *, store: SessionStore, erase_session: EraseSessionHandler) -> None:
        self._store = store
        self._erase_session = erase_session

    async def __call__(self, command: EraseSubject) -> SubjectErasure:
        """Erases what it can; one that fails keeps no other from being erased.

        It looks again until there is nothing but what failed: an erased session belongs to nobody.

        Raises:
            StoreUnavailable: the store does not answer at all.
        """
        erased: set[SessionId] = set()
        failed: dict[SessionId, str] = {}
        faults_in_a_row = 0
        while session_ids := await self._not_yet_tried(command.subject_id, failed):
            for session_id in session_ids:
                try:
                    await self._erase_session(EraseSession(session_id=session_id))
                except StoreUnavailable as error:
                    failed[session_id] = str(error)
                    faults_in_a_row += 1
                    facts = {"session_id": session_id, "reason": str(error)}
                    _log.warning("a session of the subject could not be erased", extra=facts)
                    if faults_in_a_row >= FAULTS_IN_A_ROW_MAX:
                        raise
                else:
                    erased.add(session_id)
                    faults_in_a_row = 0
        return SubjectErasure(erased=len(erased), failed=failed)

    async def _not_yet_tried(
        self, subject_id: SubjectId, failed: Mapping[SessionId, str]
    ) -> Sequence[SessionId]:
        after: SessionId | None = None
        while page := await self._store.of_subject(subject_id, after=after, limit=SUBJECT_BATCH):
            if untried := [session_id for session_id in page if session_id not in failed]:
                return untried
            after = page[-1]
        return ()
