"""What happens in one run, all of it from a seed."""

import random
from dataclasses import dataclass

from tests.simulation.genesys_model import Weather
from tests.simulation.genesys_window import ModelWindow
from tests.simulation.worker import StoreWeather

WINDOWS = (10, 30, 100, 300)
IN_STEADY_STATE = 100
LONG_STOPS = 0.3
"""The share of runs in which a process is stopped for longer than a lease, in the midst of a call. It is
not killed as well: a call that goes out so late and is then forgotten could only be told from a newer one
by Genesys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    at: float
    session_id: str
    ends: bool
    ttl_seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """`kind` is kill, stop (for `seconds`, as by SIGSTOP) or restart (in order); it hits a worker."""

    at: float
    kind: str
    worker: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    seed: int
    seconds: float
    workers: int
    window: ModelWindow
    weather: Weather
    store_weather: StoreWeather
    events: tuple[Event, ...]
    disturbances: tuple[Disturbance, ...]
    calm: bool
    skews: tuple[float, ...]


def scenario_of(seed: int) -> Scenario:
    dice = random.Random(seed)
    seconds = dice.uniform(20, 150)
    calm = dice.random() < 0.25
    workers = dice.randint(1, 3)
    sessions = [f"s{number}" for number in range(dice.randint(1, 6))]
    events = _events(dice, seconds, sessions)
    disturbances = () if calm else _disturbances(dice, seconds, workers)
    if not calm and dice.random() < LONG_STOPS:
        disturbances = _long_stops(dice, events)
        workers = 2
        seconds = max(seconds, max(one.at + one.seconds for one in disturbances) + 5)
    window = ModelWindow(
        allowed=IN_STEADY_STATE if calm and workers > 1 else dice.choice(WINDOWS),
        aligned=dice.random() < 0.5,
        rounds_up=dice.random() < 0.5,
        offset=dice.uniform(0, 60),
    )
    return Scenario(
        seed=seed,
        seconds=seconds,
        workers=workers,
        window=window,
        weather=Weather(latency_max=dice.choice((0.05, 0.5, 3.0)))
        if calm
        else _weather(dice, seconds, sessions),
        store_weather=StoreWeather() if calm else _store_weather(dice),
        events=events,
        disturbances=disturbances,
        calm=calm,
        skews=tuple(dice.uniform(-1, 1) for _ in range(20)),
    )


def _weather(dice: random.Random, seconds: float, sessions: list[str]) -> Weather:
    def spans(chance: float) -> tuple[tuple[float, float], ...]:
        if dice.random() >= chance:
            return ()
        start = dice.uniform(0, seconds)
        return ((start, start + dice.uniform(1, 90)),)

    return Weather(
        latency_max=dice.choice((0.05, 0.5, 3.0, 9.0)),
        failing=dice.choice((0.0, 0.1, 0.5)),
        lost=dice.choice((0.0, 0.1, 0.4)),
        late=dice.choice((0.0, 0.1, 0.3)),
        refused_ids=frozenset(dice.sample(sessions, 1)) if dice.random() < 0.15 else frozenset(),
        away=spans(0.3),
        misconfigured=spans(0.1),
    )


def _store_weather(dice: random.Random) -> StoreWeather:
    return StoreWeather(
        failing=dice.choice((0.0, 0.0, 0.1)),
        unheard=dice.choice((0.0, 0.0, 0.1)),
        latency_max=dice.choice((0.002, 0.1, 2.0)),
    )


def _events(dice: random.Random, seconds: float, sessions: list[str]) -> tuple[Event, ...]:
    events = [
        Event(
            at=dice.uniform(0, seconds),
            session_id=dice.choice(sessions),
            ends=dice.random() < 0.1,
            ttl_seconds=dice.choice((None, None, None, 7200)),
        )
        for _ in range(dice.randint(1, 25))
    ]
    return tuple(sorted(events, key=lambda one: one.at))


def _long_stops(dice: random.Random, events: tuple[Event, ...]) -> tuple[Disturbance, ...]:
    """Right after a change, when its call may be under way."""
    at = dice.choice(events).at + dice.uniform(0, 1)
    worker, seconds = dice.randrange(2), dice.uniform(62, 130)
    return (Disturbance(at=at, kind="stop", worker=worker, seconds=seconds),)


def _disturbances(dice: random.Random, seconds: float, workers: int) -> tuple[Disturbance, ...]:
    found = [
        Disturbance(
            at=dice.uniform(0, seconds),
            kind=dice.choice(("kill", "stop", "restart")),
            worker=dice.randrange(workers),
            seconds=dice.choice((dice.uniform(0.1, 5), dice.uniform(5, 130))),
        )
        for _ in range(dice.choice((0, 1, 1, 2, 4)))
    ]
    return tuple(sorted(found, key=lambda one: one.at))
