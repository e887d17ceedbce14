"""Genesys as a model: a rate window, latencies, errors, answers that are lost, times of absence.

It holds for each session the copy that arrived last, as Genesys does: it knows no revisions.
"""

import asyncio
import random
from dataclasses import dataclass, field

from adapters.genesys.budget import GenesysBudget
from application.errors import GenesysMisconfigured, GenesysRefused, GenesysUnavailable
from application.ports.genesys import CallPermit, GenesysAccess, GenesysGateway, WindowReport
from domain.sync.session_copy import SessionCopy
from domain.sync.state import SyncFailure, SyncReceipt
from tests.simulation.genesys_window import ModelWindow
from tests.simulation.virtual_loop import LoopClock

CALL_SECONDS_MAX = 10.0
STILL_HERE = 0.5
"""The chance that a call of a process that is stopped has not left it yet."""


@dataclass(slots=True, kw_only=True)
class Weather:
    """How Genesys behaves; chances are from 0 to 1.

    Attributes:
        lost: the call takes effect and its answer is lost.
        late: the answer is lost, and the call takes effect only after the client gave up.
        refused_ids: sessions that are refused for good.
        away: for these spans of time nobody answers.
    """

    latency_max: float = 0.3
    failing: float = 0.0
    lost: float = 0.0
    late: float = 0.0
    refused_ids: frozenset[str] = frozenset()
    away: tuple[tuple[float, float], ...] = ()
    misconfigured: tuple[tuple[float, float], ...] = ()

    def clears_up(self) -> None:
        self.failing = self.lost = self.late = 0.0
        self.away = self.misconfigured = ()


@dataclass(slots=True, kw_only=True)
class GenesysModel:
    window: ModelWindow
    weather: Weather
    dice: random.Random
    holds: dict[str, SessionCopy] = field(default_factory=dict)
    calls: int = 0
    refused_at: list[float] = field(default_factory=list)

    def arrives(self, copy: SessionCopy, now: float) -> tuple[bool, WindowReport]:
        """Counts a call; whether it is within the window, and what is told about it."""
        self.calls += 1
        accepted, counted, reset = self.window.call(now)
        if not accepted:
            self.refused_at.append(now)
        report = WindowReport(count=counted, allowed=self.window.allowed, reset_seconds=float(reset))
        if accepted and copy.session_id not in self.weather.refused_ids:
            return True, report
        return accepted, report

    def takes(self, copy: SessionCopy) -> None:
        self.holds[copy.session_id] = copy

    def is_in(self, spans: tuple[tuple[float, float], ...], now: float) -> bool:
        return any(start <= now < end for start, end in spans)


class ModelGateway(GenesysGateway):
    """What a worker has instead of the real gateway; `line` stands between it and Genesys."""

    def __init__(self, model: GenesysModel, budget: GenesysBudget, line: "Line") -> None:
        self._model = model
        self._budget = budget
        self._line = line

    async def write_back(self, copy: SessionCopy, permit: CallPermit) -> SyncReceipt:
        loop = asyncio.get_running_loop()
        synced_at = LoopClock().now()
        permit.spend()
        answer = loop.create_future()
        delivery = loop.create_task(self._deliver(copy, answer))
        self._line.keep(delivery)
        report = None
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                outcome, report = await asyncio.shield(answer)
        except TimeoutError as error:
            raise _unavailable("network.TimeoutError") from error
        finally:
            permit.end(report)
            if self._line.is_open:
                answer.cancel()
        await self._line.passes()
        if isinstance(outcome, Exception):
            if isinstance(outcome, GenesysUnavailable) and outcome.retry_seconds is not None:
                self._budget.close(outcome.retry_seconds)
            raise outcome
        return SyncReceipt(fingerprint=copy.fingerprint, expires_at=copy.expires_at, synced_at=synced_at)

    async def check_access(self) -> GenesysAccess:
        return GenesysAccess()

    async def _deliver(
        self, copy: SessionCopy, answer: "asyncio.Future[tuple[Exception | None, WindowReport | None]]"
    ) -> None:
        """The call on its way, which goes on whatever becomes of its sender.

        Of a process that is stopped the bytes may lie ready, and go out when it goes on.
        """
        model, loop, weather = self._model, asyncio.get_running_loop(), self._model.weather
        late = model.dice.random() < weather.late
        await asyncio.sleep(
            model.dice.uniform(11, 40) if late else model.dice.random() * weather.latency_max / 2
        )
        if not late and model.dice.random() < STILL_HERE:
            await self._line.passes()
            if answer.cancelled():
                return
        outcome, report = self._judge(copy, loop.time())
        lost = late or model.dice.random() < weather.lost
        await asyncio.sleep(model.dice.random() * weather.latency_max / 2)
        if answer.done() or lost:
            return
        answer.set_result((outcome, report))

    def _judge(self, copy: SessionCopy, now: float) -> tuple[Exception | None, WindowReport | None]:
        model, weather = self._model, self._model.weather
        if model.is_in(weather.away, now):
            return _unavailable("network.ConnectError"), None
        if model.is_in(weather.misconfigured, now):
            return GenesysMisconfigured(SyncFailure(code="invalid_client", reason="no", status=401)), None
        accepted, report = model.arrives(copy, now)
        if not accepted:
            failure = SyncFailure(code="too.many.requests", reason="429", status=429)
            return GenesysUnavailable(failure, retry_seconds=report.reset_seconds, outage=False), report
        if copy.session_id in weather.refused_ids:
            return GenesysRefused(SyncFailure(code="bad.request", reason="400", status=400)), report
        if model.dice.random() < weather.failing:
            return _unavailable("http.503", 503), report
        model.takes(copy)
        return None, report


class Line:
    """What is between a process and the rest of the world; it can be stopped, and it can be cut for good."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self.cut = False
        self.swept_up = False
        self._deliveries: set[asyncio.Task[None]] = set()

    @property
    def is_open(self) -> bool:
        return self._open.is_set()

    def stop(self) -> None:
        self._open.clear()

    def go_on(self) -> None:
        self._open.set()

    def keep(self, delivery: "asyncio.Task[None]") -> None:
        self._deliveries.add(delivery)
        delivery.add_done_callback(self._deliveries.discard)

    async def passes(self) -> None:
        """Returns once the process runs; of one that was killed, never."""
        while not self._open.is_set():
            await self._open.wait()
        if self.swept_up:
            raise asyncio.CancelledError
        if self.cut:
            await asyncio.get_running_loop().create_future()


def _unavailable(code: str, status: int | None = None) -> GenesysUnavailable:
    return GenesysUnavailable(SyncFailure(code=code, reason="no answer", status=status))
