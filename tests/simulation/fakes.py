"""A gateway and a store that do what a test says, in virtual time."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.genesys.budget import GenesysBudget
from adapters.memory.store import MemorySessionStore
from application.errors import StoreUnavailable
from application.ports.genesys import CallPermit, GenesysAccess, GenesysGateway
from domain.decisions.decision import Decide, Decision
from domain.ids import SessionId
from domain.sync.session_copy import SessionCopy
from domain.sync.state import SyncLane, SyncReceipt
from tests.simulation.virtual_loop import LoopClock


class FakeGateway(GenesysGateway):
    """Takes note of every copy; `react` may raise. Ends the call in the budget as the real one does."""

    def __init__(self, budget: GenesysBudget, *, seconds: float = 0.1) -> None:
        self.budget = budget
        self.seconds = seconds
        self.react: Callable[[SessionCopy], None] = lambda _: None
        self.during: Callable[[SessionCopy], None] = lambda _: None
        self.told: list[SessionCopy] = []
        self.delivered_at: list[float] = []
        self.most_at_once = 0

    @property
    def delivered_ids(self) -> list[str]:
        return [copy.session_id for copy in self.told]

    async def write_back(self, copy: SessionCopy, permit: CallPermit) -> SyncReceipt:
        loop = asyncio.get_running_loop()
        permit.spend()
        self.told.append(copy)
        self.delivered_at.append(loop.time())
        self.most_at_once = max(self.most_at_once, self.budget.figures().in_flight)
        try:
            await asyncio.sleep(self.seconds)
            self.during(copy)
        finally:
            permit.end()
        self.react(copy)
        return SyncReceipt(
            fingerprint=copy.fingerprint, expires_at=copy.expires_at, synced_at=LoopClock().now()
        )

    async def check_access(self) -> GenesysAccess:
        return GenesysAccess()


@dataclass
class Troubles:
    """Which sessions the store fails on, and with what; whether it answers at all."""

    of_session: dict[str, Exception] = field(default_factory=dict)
    away: bool = False
    fail_next_updates: int = 0
    seconds: float = 0.0


class TroubledStore(MemorySessionStore):
    def __init__(self) -> None:
        super().__init__()
        self.troubles = Troubles()
        self.updates: list[str] = []
        self.asked_for_lane: Counter[SyncLane] = Counter()

    async def update(self, session_id: SessionId, decide: Decide) -> Decision:
        self.updates.append(session_id)
        await asyncio.sleep(self.troubles.seconds)
        self._check_away()
        if self.troubles.fail_next_updates:
            self.troubles.fail_next_updates -= 1
            raise StoreUnavailable("the store did not answer")
        if session_id in self.troubles.of_session:
            raise self.troubles.of_session[session_id]
        return await super().update(session_id, decide)

    @property
    def asked_for_due(self) -> int:
        """Rounds of the loop: each asks for live sessions once."""
        return self.asked_for_lane[SyncLane.LIVE]

    async def due_for_sync(self, now: datetime, *, lane: SyncLane, limit: int) -> Sequence[SessionId]:
        self.asked_for_lane[lane] += 1
        self._check_away()
        return await super().due_for_sync(now, lane=lane, limit=limit)

    def _check_away(self) -> None:
        if self.troubles.away:
            raise StoreUnavailable("the store did not answer")
