"""Deciding about one session of a batch: the decisions in their order, one write at the end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adapters.storage.quick import quick
from adapters.storage.record import SessionRecord
from application.errors import SessionUnreadable, StoreUnavailable
from domain.audit import AuditEntry
from domain.decisions.decision import Decide, Decision
from domain.decisions.unreadable import DecideAnyway, UnreadableSession
from domain.ids import SessionId
from domain.session.state import SessionState


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionWrite:
    """What is to be written about one session after all decisions of a batch.

    Attributes:
        record: what is to stand in the store; None: the record is deleted, or `state_changed` is false.
        state_changed: whether the record has to be written at all.
        forgets_audit: delete the trail that is stored before `audit` is added.
    """

    session_id: SessionId
    record: SessionRecord | None
    state_changed: bool
    audit: tuple[AuditEntry, ...]
    forgets_audit: bool

    @property
    def needed(self) -> bool:
        return self.state_changed or bool(self.audit) or self.forgets_audit

    @property
    def byte_size(self) -> int:
        """Of the record; the trail is small."""
        return 0 if self.record is None else len(self.record.document) + len(self.record.ledger)


Answer = Decision | Exception
_session_write = quick(SessionWrite)


def decide_in_order(
    session_id: SessionId, before: SessionState | UnreadableSession | None, decides: Sequence[Decide]
) -> tuple[SessionWrite, Sequence[Answer]]:
    """What to write, and for each decision either itself or what it raised.

    A state that has no stored form fails alone: what was decided before and after it stands.
    """
    try:
        return _decided(session_id, before, decides)
    except ValueError:
        return _decided(session_id, before, [_with_a_stored_form(decide) for decide in decides])


def _decided(
    session_id: SessionId, before: SessionState | UnreadableSession | None, decides: Iterable[Decide]
) -> tuple[SessionWrite, Sequence[Answer]]:
    """Raises ValueError when the last state has no stored form."""
    state, forgets_audit = before, False
    audit: list[AuditEntry] = []
    answers: list[Answer] = []
    for decide in decides:
        try:
            decision = _decision(decide, state)
        except Exception as error:  # noqa: BLE001 - it reaches the one caller whose decision it is
            answers.append(error)
            continue
        if decision is None:
            answers.append(Decision(state=None))
            continue
        if decision.forgets_audit:
            forgets_audit = True
            audit.clear()
        state = decision.state
        audit.extend(decision.audit)
        answers.append(decision)
    write = _session_write(
        session_id=session_id,
        record=_record(state) if state is not before else None,
        state_changed=state is not before,
        audit=tuple(audit),
        forgets_audit=forgets_audit,
    )
    return write, answers


def _decision(decide: Decide, state: SessionState | UnreadableSession | None) -> Decision | None:
    """None: an unreadable record stays as it is."""
    if not isinstance(state, UnreadableSession):
        return decide(state)
    if not isinstance(decide, DecideAnyway):
        raise SessionUnreadable(state.why)
    return decide.unreadable(state)


def _record(state: SessionState | UnreadableSession | None) -> SessionRecord | None:
    return SessionRecord.of(state) if isinstance(state, SessionState) else None


def _with_a_stored_form(decide: Decide) -> Decide:
    if isinstance(decide, DecideAnyway):
        return DecideAnyway(_with_a_stored_form(decide.readable), decide.unreadable)

    def checked(before: SessionState | None) -> Decision:
        decision = decide(before)
        if decision.state is not None and decision.state is not before:
            try:
                SessionRecord.of(decision.state)
            except ValueError as error:
                raise StoreUnavailable(f"the session cannot be written: {type(error).__name__}") from error
        return decision

    return checked
