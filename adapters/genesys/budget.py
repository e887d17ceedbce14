"""The budget of calls of this process: one pace, one queue, one gate for all that call Genesys."""

import asyncio

from adapters.genesys.pace import Pace, WindowReport
from application.ports import CallBudget


class GenesysBudget(CallBudget):
    def __init__(self, *, calls_per_minute: int) -> None:
        self._calls_per_minute = calls_per_minute
        self._lazy_pace: Pace | None = None
        self._turnstile = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def pace(self) -> Pace:
        if self._lazy_pace is None:
            self._lazy_pace = Pace(allowed=self._calls_per_minute, now=self._now())
        return self._lazy_pace

    async def take(self) -> None:
        """First come, first served."""
        async with self._turnstile:
            while (wait := self.pace.wait_seconds(self._now())) > 0:
                self._changed.clear()
                try:
                    async with asyncio.timeout(wait):
                        await self._changed.wait()
                except TimeoutError:
                    continue
            self.pace.take(self._now())

    def give_back(self) -> None:
        self.pace.give_back()
        self._changed.set()

    def answered(self, report: WindowReport | None) -> None:
        """A call that was taken has ended."""
        self.pace.answered(report, self._now())
        self._changed.set()

    def close(self, seconds: float) -> None:
        """Nobody calls for so long."""
        self.pace.close(seconds, self._now())

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
