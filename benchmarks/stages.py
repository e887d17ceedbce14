"""Where the time of one webhook goes: CPU microseconds for each stage, and for the whole application.

    .venv/bin/python benchmarks/stages.py [--against OTHER_CHECKOUT] [--rounds 5] [--only 2KB]

The stages are those of a webhook on its way: its body is decoded, checked and made an event; the record of
its session is read, decided about and written; the answer is encoded. Each stage takes what the one before
has made, so what a stage leaves for later is counted where it is done. `whole` is a request through the
application in this process, on the memory store, without sockets.

Events come in three modes: `replace` brings the whole context with three new values, `merge` three variables
alone, and `repeated` is the stored event once more. Every round is a process of its own; with `--against`,
rounds of this checkout and the other take turns. Shown is the best of all batches: other work on the machine
only ever adds. The rubbish collector is off while the clock runs.
"""

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
BYTE_SIZES: Final = {"0.3KB": 300, "2KB": 2_000, "8KB": 7_900}
MODES: Final = ("replace", "merge", "repeated")
IN_A_ROW: Final = 25
BATCHES: Final = 40
START: Final = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
CORE: Final = ("record in", "decision", "record out")
"""What the rule and the record cost: every event pays it, whichever way it came in."""

Microseconds = dict[str, float]


def context_of(byte_size: int, changed: int) -> dict[str, Any]:
    """A plausible context of about so many bytes; `changed` makes the values of three variables."""
    context: dict[str, Any] = {
        "customerId": "C-1007",
        "intent": f"return-item-{changed}",
        "language": "de-DE",
        "queuePosition": changed,
        "lastMessage": f"Wo ist mein Paket Nr. {changed}?",
        "verified": True,
    }
    for place in count():
        context[f"line{place}"] = {
            "item": f"Stehlampe „Ölberg“ {place}",
            "quantity": place % 3 + 1,
            "price": 19.99,
            "notes": ["fragile", "gift\nwrapped", "to be left with a neighbour"],
        }
        if len(json.dumps(context, ensure_ascii=False, separators=(",", ":")).encode()) > byte_size:
            del context[f"line{place}"]
            return context
    raise AssertionError


def body_of(byte_size: int, changed: int, *, mode: str, seconds: int | None, session: int = 0) -> bytes:
    """The event that comes so many seconds after START; None: it does not say when."""
    context = context_of(byte_size, changed)
    if mode == "merge":
        context = {name: context[name] for name in ("intent", "queuePosition", "lastMessage")}
    event: dict[str, Any] = {
        "sessionId": f"session-{session}",
        "eventType": "message",
        "conversationId": "7d1f0001-9c1e-4b52-8f3a-1c2d3e4f5a6b",
        "subjectId": "customer-1",
        "contextMode": "merge" if mode == "merge" else "replace",
        "context": context,
    }
    if seconds is not None:
        event["occurredAt"] = (START + timedelta(seconds=seconds)).isoformat()
    return json.dumps(event, ensure_ascii=False).encode()


class Batch:
    """Every stage is done IN_A_ROW times before the next begins: the clock is too coarse for one."""

    def __init__(self, best: Microseconds) -> None:
        self._best = best

    def stage(self, name: str, work: Callable[[Any], Any], given: list[Any]) -> list[Any]:
        done: list[Any] = []
        started = time.process_time_ns()
        for one in given:
            done.append(work(one))  # noqa: PERF401 - a comprehension would be timed less alike on 3.11 and 3.12
        spent = (time.process_time_ns() - started) / 1_000 / len(given)
        self._best[name] = min(spent, self._best.get(name, spent))
        return done


def measure_stages(byte_size: int, mode: str, best: Microseconds) -> None:
    """Each of BATCHES webhooks finds the session as its first event left it, and one merge after that."""
    from adapters.event_json.event_body import command_of
    from adapters.event_json.strict_json import JsonLimits, decode_strictly
    from adapters.http.answers import EventAnswer, encoded
    from adapters.storage.record import SessionRecord
    from application.use_cases.persist_session import PersistedSession
    from domain.decisions.apply_event import decide_event
    from domain.decisions.decision import Decision, Policies
    from domain.ids import PersistenceId
    from domain.session.event import SessionEvent

    policies, limits, ids = Policies(), JsonLimits(), count()

    def identified(command: Any) -> SessionEvent:
        event: SessionEvent = command.identified(PersistenceId(f"00000000-0000-4000-8000-{next(ids):012}"))
        return event

    def event_in(body: bytes) -> SessionEvent:
        return identified(command_of(decode_strictly(body, limits), policies.ttl))

    def answered(decision: Decision) -> bytes:
        assert decision.state is not None and decision.outcome is not None  # noqa: S101, PT018 - for mypy
        return encoded(EventAnswer.of(PersistedSession(outcome=decision.outcome, state=decision.state)))

    stored, state = body_of(byte_size, 2, mode="merge", seconds=1), None
    for body in (body_of(byte_size, 1, mode="replace", seconds=0), stored):
        state = decide_event(state, event_in(body), policies, START).state
    assert state is not None  # noqa: S101 - neither event is refused
    record = SessionRecord.of(state)
    body = stored if mode == "repeated" else body_of(byte_size, 3, mode=mode, seconds=2)
    batch, now = Batch(best), START + timedelta(seconds=3)
    for _ in range(BATCHES):
        documents = batch.stage("strict JSON", lambda one: decode_strictly(one, limits), [body] * IN_A_ROW)
        commands = batch.stage("command", lambda one: command_of(one, policies.ttl), documents)
        events = batch.stage("event", identified, commands)
        states = batch.stage("record in", lambda one: one.state(), [record] * IN_A_ROW)
        pairs = list(zip(states, events, strict=True))
        decisions = batch.stage("decision", lambda two: decide_event(two[0], two[1], policies, now), pairs)
        batch.stage("record out", lambda one: SessionRecord.of(one.state), decisions)
        batch.stage("answer", answered, decisions)
    best["decision + record"] = sum(best[name] for name in CORE)


async def measure_whole(byte_size: int, mode: str, best: Microseconds) -> None:
    """The same through the whole application, each webhook of a batch for another session."""
    from benchmarks.webhook_throughput import post
    from entrypoints.asgi import create_service_app
    from entrypoints.settings import Settings

    app: Any = create_service_app(Settings(store_url="memory://"), with_loops=False)
    first = [body_of(byte_size, 1, mode="replace", seconds=0, session=place) for place in range(IN_A_ROW)]
    async with app.lifespan():
        for body in first:
            await post(app, body, 0)
        for number in range(BATCHES):
            made = [
                body_of(byte_size, number + 2, mode=mode, seconds=None, session=place)
                for place in range(IN_A_ROW)
            ]
            bodies = first if mode == "repeated" else made
            started = time.process_time_ns()
            for body in bodies:
                await post(app, body, 0)
            spent = (time.process_time_ns() - started) / 1_000 / IN_A_ROW
            best["whole"] = min(spent, best.get("whole", spent))


def cases(only: str) -> Iterator[tuple[str, int, str]]:
    for size, byte_size in BYTE_SIZES.items():
        for mode in MODES:
            if only in (name := f"{size} {mode}"):
                yield name, byte_size, mode


def one_round(only: str) -> dict[str, Microseconds]:
    gc.disable()
    figures: dict[str, Microseconds] = {}
    for name, byte_size, mode in cases(only):
        figures[name] = {}
        measure_stages(byte_size, mode, figures[name])
        gc.collect()
        asyncio.run(measure_whole(byte_size, mode, figures[name]))
        gc.collect()
    return figures


def compare(checkouts: dict[str, Path], rounds: int, only: str) -> dict[str, dict[str, Microseconds]]:
    """The best figures of each checkout, by case and stage."""
    best: dict[str, dict[str, Microseconds]] = {name: {} for name in checkouts}
    for _ in range(rounds):
        for name, checkout in checkouts.items():
            done = subprocess.run(
                [sys.executable, __file__, "--round", "--only", only],
                env=os.environ | {"PYTHONPATH": str(checkout), "SESSION_KEEPER_LOG_LEVEL": "error"},
                cwd=checkout,
                check=True,
                stdout=subprocess.PIPE,
            )
            for case, figures in json.loads(done.stdout.splitlines()[-1]).items():
                known = best[name].setdefault(case, {})
                known.update({stage: min(us, known.get(stage, us)) for stage, us in figures.items()})
                known["decision + record"] = sum(known[stage] for stage in CORE)
    return best


def show(best: dict[str, dict[str, Microseconds]], only: str) -> None:
    for case, _, _ in cases(only):
        print(f"\n{case + ', µs':22}" + "".join(f"{name:>10}" for name in best))
        for stage in next(iter(best.values()))[case]:
            print(f"  {stage:20}" + "".join(f"{figures[case][stage]:10.1f}" for figures in best.values()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", type=Path, help="another checkout to measure beside this one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="cases with this in their name, as `2KB` or `8KB merge`")
    parser.add_argument("--round", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.round:
        sys.path.append(str(ROOT))
        print(json.dumps(one_round(given.only)))
        return
    other = {"other": given.against.resolve()} if given.against else {}
    show(compare(other | {"this": ROOT}, given.rounds, given.only), given.only)


if __name__ == "__main__":
    main()
