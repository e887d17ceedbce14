"""`SYNC_MODE=inline`: tries within the request, and leaves the rest to the loop."""

import asyncio

from application.sync_loop import SyncLoop
from domain.identity import SessionId
from domain.session import SessionState


class InlineSync:
    def __init__(self, *, loop: SyncLoop, seconds_max: float) -> None:
        self._loop = loop
        self._seconds_max = seconds_max

    async def sync_soon(self, session_id: SessionId) -> SessionState | None:
        """The session after the attempt, or None when that takes longer than the request may.

        A call that was begun goes on then, and is noted as every other.
        """
        try:
            async with asyncio.timeout(self._seconds_max):
                state = await self._loop.tell_now(session_id)
        except TimeoutError:
            state = None
        return state if state is not None else await self._loop.sync_soon(session_id)

    async def close(self) -> None:
        """Waits a little for what is under way; called once no request comes any more."""
        await self._loop.stop()
