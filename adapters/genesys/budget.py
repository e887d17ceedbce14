"""The budget of calls of this process: one pace, one queue, one gate for all that call Genesys."""

import asyncio

from adapters.genesys.pace import WINDOW_SECONDS, Pace
from adapters.genesys.rate_window import WindowReport
from application.ports import BudgetFigures, CallBudget


class GenesysBudget(CallBudget):
    def __init__(self, *, calls_per_minute: int, window_seconds: float = WINDOW_SECONDS) -> None:
        """`window_seconds` is how long Genesys' rate window is taken to be before it says so."""
        self._calls_per_minute = calls_per_minute
        self._window_seconds = window_seconds
        self._lazy_pace: Pace | None = None
        self._turnstile = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def pace(self) -> Pace:
        if self._lazy_pace is None:
            allowed = max(1, round(self._calls_per_minute * self._window_seconds / WINDOW_SECONDS))
            self._lazy_pace = Pace(allowed=allowed, now=self._now(), window_seconds=self._window_seconds)
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

    def answered(self, report: WindowReport | None, sent_at: float) -> None:
        """A call that was taken has ended; `sent_at` is a time of the running loop."""
        self.pace.answered(report, sent_at=sent_at, now=self._now())
        self._changed.set()

    def close(self, seconds: float) -> None:
        """Nobody calls for so long."""
        self.pace.close(seconds, self._now())

    def figures(self) -> BudgetFigures:
        """May be asked from anywhere, also before the first call."""
        pace = self._lazy_pace
        if pace is None:
            allowed = self._calls_per_minute
            return BudgetFigures(allowed=allowed, left=allowed, in_flight=0, closed_seconds=0.0)
        try:
            closed_seconds = pace.closed_seconds(self._now())
        except RuntimeError:
            closed_seconds = 0.0
        return BudgetFigures(
            allowed=pace.allowed, left=pace.left, in_flight=pace.in_flight, closed_seconds=closed_seconds
        )

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
