"""Erasing one session, or all sessions of a subject."""

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
"""After so many failures in a row the store is taken to be away, and the erasure stops."""
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
    """The result of erasing a subject.

    Attributes:
        erased: how many sessions were erased.
        failed: the sessions that could not be erased, with the reason; they still exist.
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
        """Erases the session, also one that is not known or whose record cannot be read.

        Raises:
            StoreUnavailable: the outcome is unknown; idempotent, so to try again is safe.
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
        """Erases every session that it can; one that fails does not stop the others.

        Queries again until only failed sessions are left: an erased session belongs to no subject.

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
