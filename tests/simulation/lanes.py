# ruff: noqa: T201 - a command that prints
"""Too few calls for all that is due, in virtual time: who waits for how long.

`python -m tests.simulation.lanes` shows it for 2,000 sessions and 30 calls a minute.
"""

import asyncio
import logging
import random
from dataclasses import dataclass, field

from adapters.memory.store import MemorySessionStore
from application.sync.loop import SyncLoopPolicy
from domain.context.variables import ContextVariables
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Decision
from domain.decisions.sync import decide_claim, decide_delivered
from domain.ids import ClaimToken, SessionId
from domain.session.event import SessionEvent
from domain.session.state import SessionState
from domain.sync.state import SyncReceipt, SyncStatus
from tests.factories import persistence_id
from tests.simulation.bench import Bench, bench
from tests.simulation.virtual_loop import virtually

TTL_SECONDS = 3600
CYCLE_SECONDS = 2700
"""From one refresh of an expiry to the next: all but a quarter of the time to live."""
RENEWED_EVERY_SECONDS = 1200
CHANGED_EVERY_SECONDS = 30
POLICY = SyncLoopPolicy(poll_seconds=1.0)


@dataclass
class Traffic:
    """Events of sessions; what a context holds is a number that grows with each change."""

    bench: Bench
    numbers: dict[str, int] = field(default_factory=dict)
    lags: list[float] = field(default_factory=list)

    async def change(self, name: str, ttl_seconds: int = TTL_SECONDS) -> None:
        self.numbers[name] = self.numbers.get(name, 0) + 1
        await self._event(name, ttl_seconds)

    async def renew(self, name: str, ttl_seconds: int = TTL_SECONDS) -> None:
        """An event that changes nothing but the expiry."""
        await self._event(name, ttl_seconds)

    async def end(self, name: str, ttl_seconds: int = TTL_SECONDS) -> None:
        await self._event(name, ttl_seconds, end=True)

    async def change_and_wait(self, name: str, seconds_max: float) -> None:
        """Notes how long the change waits, `seconds_max` if that was not enough."""
        await self.change(name)
        changed_at = now()
        while (await self.bench.state(name)).sync.status is not SyncStatus.COMPLETED:
            if now() - changed_at >= seconds_max:
                break
            await asyncio.sleep(0.5)
        self.lags.append(now() - changed_at)

    async def _event(self, name: str, ttl_seconds: int, *, end: bool = False) -> SessionState:
        what = SessionEvent(
            session_id=SessionId(name),
            event_type="session-ended" if end else "message",
            persistence_id=persistence_id(),
            context=None if end else ContextVariables.from_json({"n": self.numbers[name]}),
            ttl_seconds=ttl_seconds,
        )
        b = self.bench
        decision = await b.store.update(
            what.session_id, lambda before: decide_event(before, what, b.policies, b.clock.now())
        )
        await b.loop.sync_soon(what.session_id)
        assert decision.state is not None
        return decision.state


@dataclass(frozen=True, kw_only=True)
class Waits:
    """Virtual seconds from a change to its delivery, and the calls that were made."""

    changes: int
    median: float
    longest: float
    calls: int


async def changes_among_renewals(sessions: int, calls_per_minute: int, seconds: float) -> Waits:
    """All sessions are active, and one of them changes every half minute."""
    b, dice = bench(calls_per_minute=calls_per_minute, policy=POLICY), random.Random(1)
    traffic = Traffic(b)
    await _delivered_over_a_cycle(traffic, sessions)
    async with b.running():
        began, changes = now(), []
        for second in range(int(seconds)):
            await asyncio.sleep(max(0.0, began + second - now()))
            for number in range(second % RENEWED_EVERY_SECONDS, sessions, RENEWED_EVERY_SECONDS):
                await traffic.renew(f"s{number}")
            if not second % CHANGED_EVERY_SECONDS:
                name = f"s{dice.randrange(sessions)}"
                changes.append(asyncio.create_task(traffic.change_and_wait(name, seconds)))
        await asyncio.gather(*changes)
    lags = sorted(traffic.lags)
    return Waits(changes=len(lags), median=lags[len(lags) // 2], longest=lags[-1], calls=len(b.gateway.told))


async def _delivered_over_a_cycle(traffic: Traffic, sessions: int) -> None:
    """Every session is delivered once, spread over as much time as there is between two refreshes."""
    began = now()
    for number in range(sessions):
        await asyncio.sleep(max(0.0, began + CYCLE_SECONDS * number / sessions - now()))
        await traffic.change(f"s{number}")
        await _delivered_elsewhere(traffic.bench, SessionId(f"s{number}"))
        await traffic.renew(f"s{number}")


async def _delivered_elsewhere(b: Bench, session_id: SessionId) -> None:
    """By a process that is no part of this; it spends nothing of our budget."""
    token, policy = ClaimToken("elsewhere"), b.policies.sync

    def decide(before: SessionState | None) -> Decision:
        claimed = decide_claim(before, token=token, policy=policy, now=b.clock.now()).state
        assert claimed is not None
        receipt = SyncReceipt(
            fingerprint=claimed.fingerprint(policy.target),
            expires_at=claimed.expires_at,
            synced_at=b.clock.now(),
        )
        return decide_delivered(claimed, token=token, receipt=receipt, policy=policy, now=b.clock.now())

    await MemorySessionStore.update(b.store, session_id, decide)


def now() -> float:
    return asyncio.get_running_loop().time()


def main() -> None:
    logging.disable()
    waits = virtually(changes_among_renewals(2_000, 30, 1800))
    print(f"{waits.changes} changes among the renewals of 2,000 sessions, {waits.calls} calls:")
    print(f"a change waits {waits.median:.1f} s in the median, {waits.longest:.1f} s at most")


if __name__ == "__main__":
    main()
