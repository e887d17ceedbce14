"""A reset while calls are under way, in this process."""

import asyncio
from typing import Any

from adapters.genesys_emulator.gate import Gate
from adapters.genesys_emulator.settings import EmulatorSettings
from adapters.genesys_emulator.state import EmulatorState

SCOPE: dict[str, Any] = {"type": "http", "method": "POST", "path": "/oauth/token", "headers": []}


async def test_a_call_that_began_before_a_reset_is_not_counted_after_it() -> None:
    emulator = EmulatorState(EmulatorSettings(), clock=lambda: 0.0)
    entered, may_answer = asyncio.Event(), asyncio.Event()

    async def app(*_: Any) -> None:
        entered.set()
        await may_answer.wait()

    async def nothing(*_: Any) -> Any: ...

    gate = Gate(app, emulator)
    call = asyncio.create_task(gate({**SCOPE}, nothing, nothing))  # type: ignore[arg-type]
    await entered.wait()
    before = emulator.statistics
    emulator.reset()
    may_answer.set()
    await call

    assert [count.count for count in before.calls()] == [1]
    assert emulator.statistics.calls() == []
