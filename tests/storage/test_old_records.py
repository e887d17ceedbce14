"""Records that version 0.1 wrote, and the states that it meant by them: they are read for ever.

`records_0_1.json` was made by the code of 0.1 and is never made anew. `state` is spelled out in plain
JSON rather than in today's classes, so that it stays true when those change. Stamps are
[microseconds, tie], registers [value, microseconds, tie], variables [text, microseconds, tie, "packed"?].
"""

import json
import sqlite3
from base64 import b64decode
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from adapters.sqlite.store import migrate_file, open_sqlite_store
from adapters.storage.backend import StoreLimits
from adapters.storage.record import WRITES, RecordUnreadable, SessionRecord
from domain.ids import SessionId
from domain.session.lifecycle import SessionStatus
from domain.session.state import SessionState
from domain.stamps import LwwRegister, Stamp
from tests.contract.steps import take
from tests.factories import at, event, merge

SAMPLES: dict[str, dict[str, Any]] = {
    sample["name"]: sample
    for sample in json.loads((Path(__file__).parent / "records_0_1.json").read_text(encoding="utf-8"))
}
LEDGERS_2: dict[str, str] = json.loads((Path(__file__).parent / "ledgers_2.json").read_text(encoding="utf-8"))


def moment(text: str | None) -> Any:
    return None if text is None else datetime.fromisoformat(text)


def record_of(columns: dict[str, Any]) -> SessionRecord:
    """Columns that 0.1 did not have are empty, as a migration leaves them."""
    moments = {"created_at", "updated_at", "expires_at", "sync_due_at"}
    values = {name: moment(value) if name in moments else value for name, value in columns.items()}
    values |= {name: b64decode(columns[name]) for name in ("document", "ledger")}
    return SessionRecord(**{**dict.fromkeys(SessionRecord.__struct_fields__), **values})


def spelled(state: SessionState) -> dict[str, Any]:
    lifecycle, context, sync = state.lifecycle, state.context, state.sync
    entries = sorted(context.entries.items())
    return {
        "session_id": state.session_id,
        "revision": state.revision,
        "persistence_id": state.persistence_id,
        "created_at": _moment(state.created_at),
        "updated_at": _moment(state.updated_at),
        "expires_at": _moment(state.expires_at),
        "ttl_seconds": _register(state.ttl_seconds),
        "conversation_id": _register(state.conversation_id),
        "participant_id": [
            state.participant.value and state.participant.value.participant_id,
            *state.participant.stamp,
        ],
        "subject_id": _register(state.subject_id),
        "variables": {
            name: [entry.text.decode(), *entry.stamp, *(["packed"] if entry.packed else [])]
            for name, entry in entries
            if entry.text is not None
        },
        "tombstones": {name: list(entry.stamp) for name, entry in entries if entry.text is None},
        "floor": list(context.floor),
        "horizon": list(context.horizon),
        "last_activity": _stamp(lifecycle.last_activity),
        "ends": [list(end) for end in lifecycle.ends],
        "erased": list(lifecycle.erased),
        "erased_until": _moment(lifecycle.erased_until),
        "sync": {
            "status": sync.status.value,
            "due_at": _moment(sync.due_at),
            "waiting_since": _moment(sync.waiting_since),
            "attempts": sync.attempts,
            "claim": sync.claim,
            "delivered_fingerprint": sync.delivered_fingerprint,
            "delivered_expires_at": _moment(sync.delivered_expires_at),
            "last_synced": _moment(sync.last_synced),
            "participant": sync.participant and list(sync.participant),
            "failure": sync.failure
            and [sync.failure.code, sync.failure.reason, sync.failure.status, sync.failure.context_id],
            "refused_fingerprint": sync.refused_fingerprint,
            "in_doubt": sync.in_doubt
            and [sync.in_doubt.fingerprint, _moment(sync.in_doubt.since), _moment(sync.in_doubt.until)],
        },
    }


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(timespec="microseconds")


def _stamp(stamp: Stamp | None) -> list[object] | None:
    return None if stamp is None else list(stamp)


def _register(register: LwwRegister[Any]) -> list[object]:
    return [register.value, *register.stamp]


def test_there_are_samples_of_many_shapes() -> None:
    states = [sample["state"] for sample in SAMPLES.values()]

    assert {state["sync"]["status"] for state in states} == {"pending", "completed", "failed", "disabled"}
    for shape in ("variables", "tombstones", "ends", "erased_until", "last_activity"):
        assert {bool(state[shape]) for state in states} == {True, False}, shape
    for shape in ("claim", "failure", "in_doubt", "participant", "refused_fingerprint"):
        assert {bool(state["sync"][shape]) for state in states} == {True, False}, shape
    assert any("packed" in text for state in states for text in state["variables"].values())


@pytest.mark.parametrize("name", SAMPLES)
def test_a_record_of_0_1_is_read_as_it_was_meant(name: str) -> None:
    assert spelled(record_of(SAMPLES[name]["record"]).state()) == SAMPLES[name]["state"]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_record_of_0_1_that_is_written_anew_says_the_same(name: str) -> None:
    old = record_of(SAMPLES[name]["record"])

    new = SessionRecord.of(old.state())

    assert spelled(new.state()) == SAMPLES[name]["state"]
    assert new.document == old.document


@pytest.mark.parametrize("name", SAMPLES)
def test_a_ledger_of_version_2_is_read_as_it_was_meant(name: str) -> None:
    """`ledgers_2.json`: the same states, as version 2 has them; made once, as the samples of 0.1 were."""
    old = record_of(SAMPLES[name]["record"])

    read = structs.replace(old, ledger=b64decode(LEDGERS_2[name])).state()

    assert spelled(read) == SAMPLES[name]["state"]
    assert read == old.state()


@pytest.mark.parametrize(
    ("name", "participant_id"),
    [
        ("participant and conversation of one event", "b7c0a6b2-0f52-4b7e-9a8e-0123456789ab"),
        ("participant of an event before the conversation's", None),
        ("participant of an event after the conversation's", "b7c0a6b2-0f52-4b7e-9a8e-0123456789ab"),
    ],
)
def test_a_participant_of_0_1_counts_where_its_conversation_is_known(
    name: str, participant_id: str | None
) -> None:
    """0.1 kept no conversation beside the participant: only the events' order tells whose it is."""
    assert record_of(SAMPLES[name]["record"]).state().participant_id == participant_id


Damage = Callable[[dict[str, Any]], object]
DAMAGES: dict[str, Damage] = {
    "a version that is not JSON": lambda ledger: ledger.update(n=2),
    "no version": lambda ledger: ledger.pop("n"),
    "no stamps": lambda ledger: ledger.pop("s"),
    "a stamp of three parts": lambda ledger: ledger["s"].append([1, "", 2]),
    "a place that is not there": lambda ledger: ledger.update(f=99),
    "a length too long": lambda ledger: ledger["v"][0].__setitem__(2, 50),
    "a length too short": lambda ledger: ledger["v"][0].__setitem__(2, 0),
    "another name": lambda ledger: ledger["v"][0].__setitem__(0, "z"),
    "a name that is a number": lambda ledger: ledger["v"][0].__setitem__(0, 7),
    "no variables at all": lambda ledger: ledger.update(v=[]),
    "a text that is not packed": lambda ledger: ledger["v"][0].append(1),
    "a status of the future": lambda ledger: ledger["sync"].__setitem__(0, "wondering"),
    "a moment out of the calendar": lambda ledger: ledger["sync"].__setitem__(1, 2**62),
    "a sync that is no list": lambda ledger: ledger.update(sync=None),
    "a moment that is a text": lambda ledger: ledger.update(u="soon"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_ledger_of_0_1_is_unreadable_and_nothing_else(damage: str) -> None:
    record = record_of(SAMPLES["participant and conversation of one event"]["record"])
    ledger = json.loads(record.ledger)
    DAMAGES[damage](ledger)

    with pytest.raises(RecordUnreadable, match="of session s is damaged"):
        structs.replace(record, ledger=json.dumps(ledger).encode()).state()


@pytest.mark.parametrize("ledger", [b"{", b"{}", b"{\xff", b'{"n":1}', b'{"n":' + b"[" * 100_000])
def test_what_is_no_ledger_of_0_1_is_unreadable(ledger: bytes) -> None:
    record = record_of(SAMPLES["the first event"]["record"])

    with pytest.raises(RecordUnreadable, match="of session s is damaged"):
        structs.replace(record, ledger=ledger).state()


@pytest.mark.parametrize("document", [b"", b"{}", b'{"a":1', b'{"a":1} ', b'{"b":1}', b'{"a":1,"b":2}'])
def test_a_document_that_does_not_fit_its_ledger_of_0_1_is_unreadable(document: bytes) -> None:
    record = record_of(SAMPLES["participant and conversation of one event"]["record"])
    assert record.document == b'{"a":1}'

    with pytest.raises(RecordUnreadable, match="of session s is damaged"):
        structs.replace(record, document=document).state()


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "moments at the ends of the calendar"])
async def test_a_session_of_0_1_takes_the_next_event_and_is_written_anew(name: str, tmp_path: Path) -> None:
    old = record_of(SAMPLES[name]["record"])
    later = 10_000.0
    path = tmp_path / "old.db"
    migrate_file(path, 5)

    async with open_sqlite_store(path, StoreLimits()) as store:
        await take(store, event(None), seconds=later)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE sessions SET document = ?, ledger = ?", (old.document, old.ledger))
        decision = await take(store, merge({"since": 0.2}), seconds=later)
        found = await store.read(SessionId("s"), at(later))

    assert decision.state == found
    assert found is not None
    assert found.context.expanded().texts == {**_kept(old.state(), found), "since": b"0.2"}
    with closing(sqlite3.connect(path)) as connection:
        (ledger,) = connection.execute("SELECT ledger FROM sessions").fetchone()
    assert ledger[0] == WRITES


def _kept(before: SessionState, after: SessionState) -> Mapping[str, bytes]:
    """The variables that an activity leaves: none, if it starts a session again."""
    restarted = before.status is SessionStatus.ENDED
    assert restarted == (after.context.floor > before.context.floor)
    return {} if restarted else before.context.expanded().texts
