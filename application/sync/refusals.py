"""Infers a misconfiguration from many refusals in a row for one reason, so that no session is blamed for it.

With a wrong target, a division that our client may not see, or a gateway in front of the wrong path,
Genesys refuses each session as if that one were at fault. Pure: no I/O.
"""

from dataclasses import dataclass

from application.sync.outcome import Ending, SyncOutcome
from domain.ids import SessionId
from domain.sync.state import SyncFailure

SPARED_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalPolicy:
    """Attributes:
    in_a_row_max: so many refusals with one code, and no delivery between them, are a misconfiguration ...
    sessions_min: ... if they are of at least so many different sessions.
    """

    in_a_row_max: int = 20
    sessions_min: int = 5


class RefusalsInARow:
    """While a misconfiguration is suspected, refusals for its reason are not final; a delivery ends that.

    Each session is spared only once: if it is refused again after others were delivered, the fault is its
    own.
    """

    def __init__(self, policy: RefusalPolicy) -> None:
        self._policy = policy
        self._code: str | None = None
        self._row: list[SessionId] = []
        self._suspected: SyncFailure | None = None
        self._spared: dict[SessionId, None] = {}
        self._wronged: list[SessionId] = []

    def judged(self, session_id: SessionId, outcome: SyncOutcome) -> SyncOutcome:
        """The outcome as it is to be written: a refusal may become a misconfiguration."""
        if outcome.ending is Ending.DELIVERED:
            self._code, self._row, self._suspected = None, [], None
        failure = outcome.failure
        if outcome.ending is not Ending.REFUSED or failure is None or failure.status is None:
            return outcome  # this service itself refused to send it: no sign of a misconfiguration
        if self._suspected is not None:
            if failure.code != self._suspected.code:
                return outcome
            self._spare(session_id)
            return outcome.as_misconfiguration(self._suspected)
        if session_id in self._spared:
            return outcome
        self._add(session_id, failure.code)
        if len(self._row) < self._policy.in_a_row_max or len(set(self._row)) < self._policy.sessions_min:
            return outcome
        self._suspect(session_id, failure)
        return outcome.as_misconfiguration(self._suspected or failure)

    def take_wronged(self) -> list[SessionId]:
        """The sessions that were refused for good before the row was long enough; each is given once."""
        wronged, self._wronged = self._wronged, []
        return wronged

    def _add(self, session_id: SessionId, code: str) -> None:
        if code != self._code:
            self._code, self._row = code, []
        self._row = [*self._row, session_id][-self._policy.in_a_row_max :]

    def _suspect(self, session_id: SessionId, failure: SyncFailure) -> None:
        refused = list(dict.fromkeys(self._row))
        self._suspected = SyncFailure(
            code=failure.code,
            reason=f"refused {len(self._row)} times in a row, {len(refused)} different sessions",
            status=failure.status,
            context_id=failure.context_id,
        )
        self._wronged = [one for one in refused if one != session_id]
        for one in refused:
            self._spare(one)

    def _spare(self, session_id: SessionId) -> None:
        self._spared.pop(session_id, None)
        self._spared[session_id] = None
        if len(self._spared) > SPARED_MAX:
            del self._spared[next(iter(self._spared))]
