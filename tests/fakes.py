"""Fakes of our own ports."""

from datetime import datetime, timedelta

from application.ports.metrics import Metrics
from application.ports.runtime import Clock, IdGenerator
from domain.decisions.decision import Outcome
from domain.ids import ClaimToken, PersistenceId
from tests.factories import START, persistence_id


class FakeClock(Clock):
    def __init__(self, moment: datetime = START) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class FakeIds(IdGenerator):
    def __init__(self) -> None:
        self._tokens = 0

    def persistence_id(self) -> PersistenceId:
        return persistence_id()

    def claim_token(self) -> ClaimToken:
        self._tokens += 1
        return ClaimToken(f"token-{self._tokens}")

    def jitter(self) -> float:
        return 0.0


class FakeMetrics(Metrics):
    def __init__(self) -> None:
        self.noted: list[str] = []

    def webhook_answered(self, outcome: Outcome, seconds: float) -> None:
        self.noted.append(f"answered {outcome}")

    def requests_refused(self, reason: str, count: int) -> None:
        self.noted.append(f"refused {count} {reason}")

    def webhook_refused(self, reason: str, seconds: float) -> None:
        self.noted.append(f"refused {reason}")

    def sync_finished(self, outcome: str, seconds: float | None = None) -> None:
        self.noted.append(f"sync {outcome}")

    def genesys_called(self, outcome: str, seconds: float) -> None:
        self.noted.append(f"called {outcome}")

    def sessions_evicted(self, count: int, *, undelivered: int) -> None:
        self.noted.append(f"evicted {count}" + (f", {undelivered} undelivered" if undelivered else ""))

    def eviction_failed(self) -> None:
        self.noted.append("eviction failed")

    def session_erased(self) -> None:
        self.noted.append("erased")
