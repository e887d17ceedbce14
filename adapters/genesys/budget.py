"""The budget of calls of this process: one pace and one queue of permits for all that call Genesys."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.genesys.pace import WINDOW_SECONDS, Pace
from application.ports.genesys import BudgetFigures, CallBudget, CallPermit, WindowReport


class GenesysBudget(CallBudget):
    def __init__(self, *, calls_per_minute: int, window_seconds: float = WINDOW_SECONDS) -> None:
        """`window_seconds` is how long Genesys' rate window is taken to be before it says so."""
        self._calls_per_minute = calls_per_minute
        self._window_seconds = window_seconds
        self._lazy_pace: Pace | None = None
        self._turnstile = asyncio.Lock()
        self._changed = asyncio.Event()
        self._waiting = 0

    @property
    def pace(self) -> Pace:
        if self._lazy_pace is None:
            allowed = max(1, round(self._calls_per_minute * self._window_seconds / WINDOW_SECONDS))
            self._lazy_pace = Pace(allowed=allowed, now=self._now(), window_seconds=self._window_seconds)
        return self._lazy_pace

    @asynccontextmanager
    async def permit(self) -> AsyncIterator[CallPermit]:
        await self._wait()
        permit = _Permit(self)
        try:
            yield permit
        finally:
            permit.close()

    def wait_seconds(self, ahead: int = 0) -> float:
        return self.pace.wait_seconds_behind(max(self._waiting, ahead), self._now())

    def close(self, seconds: float) -> None:
        """No permit is given for so long, as after a `Retry-After`."""
        self.pace.close(seconds, self._now())

    def figures(self) -> BudgetFigures:
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

    async def _wait(self) -> None:
        """Returns when a call may be made, and takes its permit; nothing else runs between the two."""
        self._waiting += 1
        try:
            async with self._turnstile:
                while (wait := self.pace.wait_seconds(self._now())) > 0:
                    self._changed.clear()
                    try:
                        async with asyncio.timeout(wait):
                            await self._changed.wait()
                    except TimeoutError:
                        continue
                self.pace.take(self._now())
        finally:
            self._waiting -= 1

    def _give_back(self) -> None:
        self.pace.give_back()
        self._changed.set()

    def _answered(self, report: WindowReport | None, sent_at: float) -> None:
        self.pace.answered(report, sent_at=sent_at, now=self._now())
        self._changed.set()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


class _Permit(CallPermit):
    def __init__(self, budget: GenesysBudget) -> None:
        self._budget = budget
        self._sent_at: float | None = None
        self._over = False

    @property
    def spent(self) -> bool:
        return self._sent_at is not None

    def spend(self) -> None:
        if self._over or self.spent:
            raise RuntimeError("a permit is good for one call, and for as long as it is held")
        self._sent_at = self._budget._now()  # noqa: SLF001 - a part of the budget

    def end(self, report: WindowReport | None = None) -> None:
        if not self._over and self._sent_at is not None:
            self._over = True
            self._budget._answered(report, self._sent_at)  # noqa: SLF001 - as above

    def close(self) -> None:
        """Ends the call that was made, or gives back the one that was not."""
        self.end()
        if not self._over:
            self._over = True
            self._budget._give_back()  # noqa: SLF001 - as above
