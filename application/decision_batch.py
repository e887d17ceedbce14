"""Deciding about many sessions for one write.

A store that gathers concurrent updates reads the sessions, lets the decisions run in the order in which
they came, and writes what is left once. One that fails takes nothing from its neighbours.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.audit import AuditEntry
from domain.decisions import Decide, Decision
from domain.identity import SessionId
from domain.session import SessionState


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionWrite:
    """What is to be written about one session after all decisions of a batch.

    Attributes:
        state: None: the record is deleted.
        state_changed: whether the record has to be written at all.
        forgets_audit: delete the trail that is stored before `audit` is added.
    """

    session_id: SessionId
    state: SessionState | None
    state_changed: bool
    audit: tuple[AuditEntry, ...]
    forgets_audit: bool

    @property
    def needed(self) -> bool:
        return self.state_changed or bool(self.audit) or self.forgets_audit


def decide_in_order(
    session_id: SessionId, before: SessionState | None, decides: Iterable[Decide]
) -> tuple[SessionWrite, Sequence[Decision | Exception]]:
    """What to write, and for each decision either itself or what it raised."""
    state, forgets_audit = before, False
    audit: list[AuditEntry] = []
    answers: list[Decision | Exception] = []
    for decide in decides:
        try:
            decision = decide(state)
        except Exception as error:  # noqa: BLE001 - it reaches the one caller whose decision it is
            answers.append(error)
            continue
        if decision.forgets_audit:
            forgets_audit = True
            audit.clear()
        state = decision.state
        audit.extend(decision.audit)
        answers.append(decision)
    write = SessionWrite(
        session_id=session_id,
        state=state,
        state_changed=state is not before,
        audit=tuple(audit),
        forgets_audit=forgets_audit,
    )
    return write, answers
