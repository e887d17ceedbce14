"""The control API: what was written, what was called, and what is to go wrong next."""

import uuid
from typing import Annotated, Any

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from adapters.genesys_emulator.control_bodies import (
    ConversationOrder,
    FaultList,
    FaultOrder,
    SettingsChange,
    SettingsView,
    Statistics,
    WriteList,
    settings_view,
    token_window,
)
from adapters.genesys_emulator.conversations import Conversation, Participant
from adapters.genesys_emulator.errors import GenesysError
from adapters.genesys_emulator.fault_text import fault_from_text
from adapters.genesys_emulator.json_only import json_only
from adapters.genesys_emulator.state import EmulatorState


@get("/emulator/writes")
async def list_writes(
    emulator: NamedDependency[EmulatorState],
    since: Annotated[int, QueryParameter()] = 0,
    limit: Annotated[int | None, QueryParameter(ge=1)] = None,
) -> WriteList:
    """The writes after sequence number `since`, oldest first."""
    return WriteList(writes=emulator.writes.since(since, limit=limit), newest=emulator.writes.newest)


@get("/emulator/state")
async def read_state(emulator: NamedDependency[EmulatorState]) -> dict[str, Any]:
    """`{sessions, conversations}`, each a map from id to the newest document."""
    return {"sessions": emulator.sessions.all(), "conversations": emulator.conversations.all()}


@get("/emulator/stats")
async def read_statistics(emulator: NamedDependency[EmulatorState]) -> Statistics:
    now = emulator.clock()
    return Statistics(
        calls=emulator.statistics.calls(),
        too_many_requests=emulator.statistics.with_status(429),
        tokens_issued=emulator.statistics.tokens_issued,
        writes=emulator.writes.newest,
        faults=dict(emulator.statistics.faults),
        windows=[token_window(token, emulator.settings, now) for token in emulator.tokens.valid(now)],
    )


@put("/emulator/faults", guards=[json_only])
async def replace_faults(data: JSONBody[FaultOrder], emulator: NamedDependency[EmulatorState]) -> FaultList:
    """Put these faults in force in place of all others; 400 when one is not understood."""
    try:
        rules = [fault_from_text(one) if isinstance(one, str) else one for one in data.faults]
    except ValueError as error:
        raise GenesysError(400, str(error)) from error
    emulator.faults.replace(rules, emulator.clock())
    return FaultList(faults=emulator.faults.statuses(emulator.clock()))


@get("/emulator/faults")
async def list_faults(emulator: NamedDependency[EmulatorState]) -> FaultList:
    return FaultList(faults=emulator.faults.statuses(emulator.clock()))


@delete("/emulator/faults")
async def remove_faults(emulator: NamedDependency[EmulatorState]) -> None:
    emulator.faults.replace([], emulator.clock())


@get("/emulator/settings")
async def read_settings(emulator: NamedDependency[EmulatorState]) -> SettingsView:
    return settings_view(emulator.settings)


@put("/emulator/settings", guards=[json_only])
async def change_settings(
    data: JSONBody[SettingsChange], emulator: NamedDependency[EmulatorState]
) -> SettingsView:
    try:
        emulator.settings = data.apply_to(emulator.settings)
    except ValueError as error:
        raise GenesysError(400, str(error)) from error
    return settings_view(emulator.settings)


@post("/emulator/conversations", guards=[json_only])
async def create_conversation(
    data: JSONBody[ConversationOrder], emulator: NamedDependency[EmulatorState]
) -> Conversation:
    """201 with the conversation; one of the same id is replaced. Without participants: one customer."""
    now = emulator.now_text()
    orders = data.participants
    participants = [
        Participant(
            id=order.id or str(uuid.uuid4()),
            purpose=order.purpose,
            start_time=order.start_time or now,
            connected_time=order.connected_time or order.start_time or now,
            end_time=order.end_time,
            attributes=dict(order.attributes),
        )
        for order in orders
    ] or [
        Participant(
            id=str(uuid.uuid4()), purpose="customer", start_time=now, connected_time=now, attributes={}
        )
    ]
    return emulator.conversations.create(data.id or str(uuid.uuid4()), participants, now=now)


@post("/emulator/reset", status_code=204)
async def reset(emulator: NamedDependency[EmulatorState]) -> None:
    """Forget everything, tokens too, and go back to the settings and faults of the start."""
    emulator.reset()
