"""Paces of several processes against one window, by events in the order of their times."""

import heapq
import random
from collections.abc import Callable
from itertools import count

from adapters.genesys.pace import Pace
from application.ports.genesys import WindowReport
from tests.simulation.genesys_window import ModelWindow

PLACES = 8


class PaceModel:
    """All processes always have work; others call at a steady share of the budget, a bit irregularly.

    Attributes:
        sent: when our processes made their calls.
        early_refusals, late_refusals: 429s before and after the first answer; the times of the latter.
    """

    def __init__(
        self, window: ModelWindow, *, seed: int, processes: int, latency_max: float, others_share: float
    ) -> None:
        self.window = window
        self.sent: list[float] = []
        self.early_refusals = 0
        self.late_refusals: list[float] = []
        self._dice = random.Random(seed)
        self._latency_max = latency_max
        self._others_rate = window.allowed * others_share / window.seconds
        self._paces = [Pace(allowed=window.allowed, now=0.0) for _ in range(processes)]
        self._busy = [0] * processes
        self._heard = False
        self._order = count()
        self._plans: list[tuple[float, int, Callable[[float], None]]] = []

    def run(self, seconds: float) -> None:
        for place in range(len(self._paces)):
            self._plan(place * 0.37, self._looking(place))
        if self._others_rate:
            self._plan(self._dice.random() / self._others_rate, self._other_calls)
        while self._plans and self._plans[0][0] <= seconds:
            now, _, act = heapq.heappop(self._plans)
            act(now)

    def _plan(self, at: float, act: Callable[[float], None]) -> None:
        heapq.heappush(self._plans, (at, next(self._order), act))

    def _looking(self, place: int) -> Callable[[float], None]:
        def look(now: float) -> None:
            pace = self._paces[place]
            while self._busy[place] < PLACES and not pace.wait_seconds(now):
                pace.take(now)
                self._busy[place] += 1
                self.sent.append(now)
                self._plan(now + self._half_a_latency(), self._arriving(place, now))
            if self._busy[place] < PLACES:
                self._plan(now + pace.wait_seconds(now), look)

        return look

    def _arriving(self, place: int, sent_at: float) -> Callable[[float], None]:
        def arrive(now: float) -> None:
            counted, reset = self._count(now)
            report = WindowReport(count=counted, allowed=self.window.allowed, reset_seconds=float(reset))
            self._plan(now + self._half_a_latency(), self._answering(place, sent_at, report))

        return arrive

    def _answering(self, place: int, sent_at: float, report: WindowReport) -> Callable[[float], None]:
        def answer(now: float) -> None:
            self._heard = True
            if self._busy[place] == PLACES:
                self._plan(now, self._looking(place))
            self._busy[place] -= 1
            self._paces[place].answered(report, sent_at=sent_at, now=now)

        return answer

    def _other_calls(self, now: float) -> None:
        self._count(now)
        self._plan(now + self._dice.uniform(0.5, 1.5) / self._others_rate, self._other_calls)

    def _count(self, now: float) -> tuple[int, int]:
        accepted, counted, reset = self.window.call(now)
        if not accepted and self._heard:
            self.late_refusals.append(now)
        elif not accepted:
            self.early_refusals += 1
        return counted, reset

    def _half_a_latency(self) -> float:
        return self._dice.random() * self._latency_max / 2


def run(
    window: ModelWindow,
    *,
    seed: int,
    seconds: float,
    processes: int = 1,
    latency_max: float = 0.5,
    others_share: float = 0.0,
) -> PaceModel:
    model = PaceModel(
        window, seed=seed, processes=processes, latency_max=latency_max, others_share=others_share
    )
    model.run(seconds)
    return model
