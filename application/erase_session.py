"""Erasing a session, or everything about a subject."""

from dataclasses import dataclass

from application.ports import Clock, IdGenerator, Metrics, SessionStore
from domain.decisions import Policies
from domain.erasure import decide_erasure
from domain.identity import SessionId, SubjectId

SUBJECT_BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseSession:
    """Erase one session, known or not."""

    session_id: SessionId


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseSubject:
    """Erase every session of a subject."""

    subject_id: SubjectId


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
        now, persistence_id = self._clock.now(), self._ids.persistence_id()
        await self._store.update(
            command.session_id,
            lambda before: decide_erasure(
                before,
                session_id=command.session_id,
                persistence_id=persistence_id,
                policies=self._policies,
                now=now,
            ),
        )
        self._metrics.session_erased()


class EraseSubjectHandler:
    def __init__(self, *, store: SessionStore, erase_session: EraseSessionHandler) -> None:
        self._store = store
        self._erase_session = erase_session

    async def __call__(self, command: EraseSubject) -> int:
        """How many sessions were erased. An erased session belongs to nobody, so this comes to an end."""
        erased = 0
        while session_ids := await self._store.of_subject(command.subject_id, SUBJECT_BATCH):
            for session_id in session_ids:
                await self._erase_session(EraseSession(session_id=session_id))
            erased += len(session_ids)
        return erased
