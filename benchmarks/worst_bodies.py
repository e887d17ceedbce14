"""How long the worst legal body of each limit holds a process: from its bytes to the decision.

Run it with `.venv/bin/python benchmarks/worst_bodies.py`.

Each body goes as far as one of the default limits allows (`BODY_MAX_BYTES`, `JSON_MAX_…`), and meets a
session that has many variables and tombstones already. `reading` is from the bytes to the command; the
others are the pure decision, with each `CONTEXT_OVERFLOW`. Most bodies are refused in the end, which must
not cost more than one that is taken in. They take turns, so that a slow moment of the machine falls on all.

Medians of CPU milliseconds on two cores of 2.4 GHz that others were using, too (the clock showed up to
four times as much):

| body                          |  bytes | reading | reject | prune | compress | before                  |
| ----------------------------- | -----: | ------: | -----: | ----: | -------: | ----------------------: |
| text of two letters           | 130885 |     1.5 |    2.2 |   3.4 |     15.0 |           compress: 375 |
| 2,040 variables               |  34573 |     8.0 |    5.7 |   4.2 |      3.9 |             reading: 50 |
| 2,040 nulls                   |  31603 |     4.2 |   10.3 |   6.5 |      6.1 |               each: 154 |
| 9,900 items of a deep array   |  39681 |     2.9 |    1.4 |  26.7 |      1.4 |           prune: 21,000 |
| 9,900 deep empty objects      |  29781 |     4.7 |    1.0 |  18.9 |      1.2 | prune: 18,700, read: 62 |
| 6,500 deep long numbers       | 123581 |    40.9 |    2.0 |  20.1 |      2.6 |                         |

Numbers that are close to what a float can hold take msgspec some 6 µs each.
"""

import random
import string
import sys
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, Final

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from adapters.event_json.event_body import command_of
from adapters.event_json.json_scanner import JsonLimits
from adapters.event_json.strict_json import decode_strictly
from domain.context.size_policy import Overflow, SizePolicy
from domain.context.variables import ContextVariables
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Policies
from domain.ids import PersistenceId, SessionId
from domain.instants import from_microseconds
from domain.session.event import ContextMode, SessionEvent
from domain.session.state import SessionState
from domain.session.ttl_policy import TtlPolicy

ROUNDS: Final = 15
BODY_BYTES_MAX: Final = 131_072
LIMITS: Final = JsonLimits()
TTL: Final = TtlPolicy()
NOW: Final = from_microseconds(1_767_268_800_000_000)
RULES: Final = {overflow: Policies(size=SizePolicy(overflow=overflow)) for overflow in Overflow}


def body_of(context: dict[str, Any], mode: ContextMode) -> bytes:
    event = {"sessionId": "s", "eventType": "message", "contextMode": mode, "context": context}
    body = msgspec.json.encode(event)
    if len(body) > BODY_BYTES_MAX:
        raise AssertionError(f"{len(body)} bytes are over the limit of {BODY_BYTES_MAX}")
    return body


def nested(inner: object, depth: int, name: str) -> object:
    for _ in range(depth):
        inner = {name: inner}
    return inner


def noise(length: int, alphabet: str) -> str:
    return "".join(random.Random(1).choices(alphabet, k=length))


NAME: Final = "n" * LIMITS.name_bytes_max
DEEP: Final = LIMITS.depth_max - 5
CONTEXTS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "bytes: two texts": lambda: {"a": "x" * 65_500, "b": "y" * 65_400},
    "bytes: text that packs badly": lambda: {"a": [noise(65_400, "ab"), noise(65_400, "ab")]},
    "bytes: text without a pattern": lambda: {"a": [noise(65_400, string.printable[:62])]},
    "bytes: characters of four bytes": lambda: {"a": ["😀" * 16_000, "😀" * 16_000]},
    "bytes: escapes": lambda: {"a": ["\u0001" * 10_800, "\u0001" * 10_800]},
    "variables": lambda: {f"name{n}": [n] for n in range(2040)},
    "nulls": lambda: {f"name{n}": None for n in range(2040)},
    "names: long": lambda: {f"{n}" + NAME[:240]: n for n in range(500)},
    "names: many, deep": lambda: {"a": {"b": {f"name{n}": n for n in range(2030)}}},
    "values: array items": lambda: {"a": [["x"] * 9_900]},
    "values: in one variable": lambda: {"a": [0] * 9_900},
    "values: small arrays": lambda: {"a": [[[0]] * 3_300]},
    "values: empty objects": lambda: {"a": [[{}] * 9_900]},
    "values: long numbers": lambda: {"a": [[0.1234567890123456] * 6_500]},
    "depth: long names, then items": lambda: {"a": nested([[0] * 9_000], DEEP, NAME)},
    "depth: many chains": lambda: {"a": [nested(0, DEEP, "n") for _ in range(70)]},
}


def full_session() -> SessionState:
    """As many tombstones and variables as fit, so that every pass over what is there is a long one."""
    variables: dict[str, object] = {f"there{n}": 1 for n in range(240)}
    removed: dict[str, object] = {f"gone{n}": None for n in range(256)}
    state = None
    for seconds, context in enumerate([variables, removed]):
        event = SessionEvent(
            session_id=SessionId("s"),
            event_type="message",
            persistence_id=PersistenceId("p"),
            context=ContextVariables.from_json(context),
            context_mode=ContextMode.MERGE,
            occurred_at=from_microseconds(1_767_268_700_000_000 + seconds),
        )
        state = decide_event(state, event, Policies(), NOW).state
    if state is None:
        raise AssertionError("a session is there after an event that was taken in")
    return state


def event_in(body: bytes) -> SessionEvent:
    return command_of(decode_strictly(body, LIMITS), TTL).identified(PersistenceId("q"))


def timed(run: Callable[[], Any]) -> tuple[float, float, Any]:
    """Milliseconds by the clock, milliseconds of CPU, and what `run` gave."""
    cpu, start = process_time(), perf_counter()
    result = run()
    return (perf_counter() - start) * 1000, (process_time() - cpu) * 1000, result


def main() -> None:
    bodies = {
        (what, mode): body_of(context(), mode)
        for (what, context), mode in product(CONTEXTS.items(), ContextMode)
        if mode is ContextMode.MERGE or what == "variables"
    }
    before = full_session()
    read: dict[Any, list[tuple[float, float]]] = {}
    decided: dict[Any, list[tuple[float, float]]] = {}
    for _ in range(ROUNDS):
        for key, body in bodies.items():
            wall, cpu, event = timed(partial(event_in, body))
            read.setdefault(key, []).append((wall, cpu))
            for overflow, rules in RULES.items():
                wall, cpu, _ = timed(partial(decide_event, before, event, rules, NOW))
                decided.setdefault((key, overflow), []).append((wall, cpu))
    columns = ["reading", *(overflow.value for overflow in Overflow)]
    heads = "".join(f"{column:>16}" for column in columns)
    print(f"{'median ms of CPU / of the clock':<42}{'bytes':>7}{heads}")
    for key, body in bodies.items():
        times = [read[key], *(decided[key, overflow] for overflow in Overflow)]
        cells = "".join(
            f"{median(cpu for _, cpu in each):>8.1f} /{median(wall for wall, _ in each):>6.1f}"
            for each in times
        )
        print(f"{key[0]} ({key[1]})".ljust(42) + f"{len(body):>7}{cells}")


if __name__ == "__main__":
    main()
