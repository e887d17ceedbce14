"""Records that version 0.1 wrote, and the states that it meant by them: they are read for ever.

`records_0_1.json` was made by the code of 0.1 and is never made anew. `state` is spelled out in plain
JSON rather than in today's classes, so that it stays true when those change. Stamps are
[microseconds, tie], registers [value, microseconds, tie], variables [text, microseconds, tie, "packed"?].
"""

import json
from base64 import b64decode
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.storage.record import SessionRecord
from domain.session import SessionState
from domain.stamps import Register, Stamp

SAMPLES: dict[str, dict[str, Any]] = {
    sample["name"]: sample
    for sample in json.loads((Path(__file__).parent / "records_0_1.json").read_text(encoding="utf-8"))
}


def moment(text: str | None) -> Any:
    return None if text is None else datetime.fromisoformat(text)


def record_of(columns: dict[str, Any]) -> SessionRecord:
    moments = {"created_at", "updated_at", "expires_at", "sync_due_at"}
    values = {name: moment(value) if name in moments else value for name, value in columns.items()}
    values |= {name: b64decode(columns[name]) for name in ("document", "ledger")}
    return SessionRecord(**{"sync_waiting_since": None, **values})


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
            "delivered_fingerprint": sync.told_fingerprint,
            "delivered_expires_at": _moment(sync.told_expires_at),
            "last_synced": _moment(sync.last_synced),
            "participant": sync.participant and list(sync.participant),
            "failure": sync.failure
            and [sync.failure.code, sync.failure.reason, sync.failure.status, sync.failure.context_id],
            "refused_fingerprint": sync.refused_fingerprint,
            "in_doubt": sync.unsure
            and [sync.unsure.fingerprint, _moment(sync.unsure.since), _moment(sync.unsure.until)],
        },
    }


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(timespec="microseconds")


def _stamp(stamp: Stamp | None) -> list[object] | None:
    return None if stamp is None else list(stamp)


def _register(register: Register[Any]) -> list[object]:
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
