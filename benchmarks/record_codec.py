"""What it costs to read and write a session's record, which every webhook does, and how many bytes it takes.

Run it with `.venv/bin/python benchmarks/record_codec.py`.

Ledger version 1 is what release 0.1 wrote. Each round does everything ten times with
either version, so that a slow moment of the machine falls on both; the table shows medians.

A claim, the end of a sync and a renewal leave the variables alone; an event looks at them and changes some.
The document of a context that an event changed is known before it is written, since its size was checked.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any, Final

from msgspec import structs

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from adapters.postgres.rows import packed
from adapters.storage.record import SessionRecord
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Policies
from domain.session.state import SessionState
from tests.factories import at, event, merge
from tests.storage.ledger_1_writer import Record1, written

ROUNDS: Final = 500
IN_A_ROW: Final = 10
CONVERSATION: Final = "7d1f0001-9c1e-4b52-8f3a-1c2d3e4f5a6b"
FIVE: Final = {
    "channel": "web messaging",
    "customer": {"name": "Zoë Müller", "tier": "gold"},
    "language": "sv-SE",
    "order": "A-1234567",
    "score": 7.5,
}


def five() -> SessionState:
    """Five variables of two events, with a conversation and a customer."""
    first = decide_event(
        None, event(FIVE, conversation_id=CONVERSATION, subject_id="customer-1"), Policies(), at(0)
    )
    return _state(
        decide_event(first.state, merge({"order": "A-7654321"}, seconds=5), Policies(), at(5)).state
    )


def two_hundred() -> SessionState:
    """200 variables and some 25 tombstones that 60 events left."""
    state = None
    for number in range(60):
        changes = {
            f"variable_{(number * 7 + one) % 225:03}": None
            if (number + one) % 9 == 0
            else {"value": number * one}
            for one in range(16)
        }
        state = decide_event(state, merge(changes, seconds=number), Policies(), at(number)).state
    return _state(state)


def _state(state: SessionState | None) -> SessionState:
    assert state is not None  # noqa: S101 - nothing of the above is refused
    return state


def anew(state: SessionState) -> SessionState:
    """An equal state whose document is still to be made, as version 1 left it after reading."""
    context = replace(state.context, entries=dict(state.context.entries))
    return replace(state, context=context)


def changed(state: SessionState) -> SessionState:
    """An equal state as an event leaves it: with variables of its own, and its document measured."""
    after = anew(state)
    return after if after.context.document else state


def read_and_write_1(record: SessionRecord) -> Record1:
    return Record1.of(record.state())


def read_and_write(record: SessionRecord) -> SessionRecord:
    return SessionRecord.of(record.state())


def look(record: SessionRecord) -> int:
    return len(record.state().context.entries)


def look_and_write_1(given: tuple[SessionRecord, SessionState]) -> Record1 | None:
    return Record1.of(given[1]) if look(given[0]) else None


def look_and_write(given: tuple[SessionRecord, SessionState]) -> SessionRecord | None:
    return SessionRecord.of(given[1]) if look(given[0]) else None


Task = tuple[Callable[[Any], Any], Callable[[], Any]]


def tasks(state: SessionState) -> dict[str, tuple[Task, Task]]:
    """What is done with version 1 and with version 2, and what makes the argument, which is not measured."""
    new = SessionRecord.of(state)
    old = structs.replace(new, ledger=written(state))
    read = new.state()
    return {
        "read": ((SessionRecord.state, lambda: old), (SessionRecord.state, lambda: new)),
        "read, look at the variables": ((look, lambda: old), (look, lambda: new)),
        "write, variables untouched": ((Record1.of, lambda: anew(state)), (SessionRecord.of, lambda: read)),
        "write, variables changed": (
            (Record1.of, lambda: changed(state)),
            (SessionRecord.of, lambda: changed(state)),
        ),
        "both, as a claim does": ((read_and_write_1, lambda: old), (read_and_write, lambda: new)),
        "both, as an event does": (
            (look_and_write_1, lambda: (old, changed(state))),
            (look_and_write, lambda: (new, changed(state))),
        ),
    }


def medians_microseconds(pairs: dict[str, tuple[Task, Task]]) -> dict[str, list[float]]:
    nanoseconds: dict[str, list[list[int]]] = {name: [[], []] for name in pairs}
    for _ in range(ROUNDS):
        for name, pair in pairs.items():
            for (task, argument), times in zip(pair, nanoseconds[name], strict=True):
                arguments = [argument() for _ in range(IN_A_ROW)]
                start = perf_counter_ns()
                for given in arguments:
                    task(given)
                times.append(perf_counter_ns() - start)
    return {name: [median(times) / 1_000 / IN_A_ROW for times in both] for name, both in nanoseconds.items()}


def main() -> None:
    for title, state in (("5 variables", five()), ("200 variables", two_hundred())):
        record, old = SessionRecord.of(state), written(state)
        tombstones = len(state.context.tombstones)
        print(f"\n{title}, {tombstones} tombstones, a document of {len(record.document):,} bytes")
        print(f"{'':30}{'version 1':>12}{'version 2':>12}")
        print(f"{'ledger, bytes':30}{len(old):12,}{len(record.ledger):12,}")
        print(f"{'as PostgreSQL packs it':30}{len(packed(old)):12,}{len(packed(record.ledger)):12,}")
        for name, (before, after) in medians_microseconds(tasks(state)).items():
            print(f"{name + ', µs':30}{before:12.1f}{after:12.1f}{before / after:7.1f} times")


if __name__ == "__main__":
    main()
