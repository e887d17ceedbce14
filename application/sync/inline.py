"""`SYNC_MODE=inline`: tries within the request, and leaves the rest to the loop."""

import asyncio

from application.sync.loop import SyncLoop
from domain.ids import SessionId
from domain.session.state import SessionState

LOOK_SECONDS = 0.25
"""So often a request that waits looks whether a call in time is still to be had."""


class InlineSync:
    def __init__(self, *, loop: SyncLoop, seconds_max: float) -> None:
        self._loop = loop
        self._seconds_max = seconds_max
        self._asking: list[SessionId] = []

    async def sync_soon(self, session_id: SessionId) -> SessionState | None:
        """The session after the attempt, or None when that takes longer than the request may.

        A request for which no call can be made in time does not wait at all. A call that was begun goes on
        after the request, and is noted as every other.
        """
        state = None
        if self._loop.likely_seconds(self._ahead()) <= self._seconds_max:
            self._asking.append(session_id)
            try:
                state = await self._told_in_time(session_id)
            finally:
                self._asking.remove(session_id)
        return state if state is not None else await self._loop.sync_soon(session_id)

    async def close(self) -> None:
        """Waits a little for what is under way; called once no request comes any more."""
        await self._loop.stop()

    def _ahead(self) -> int:
        """Requests whose calls have not begun."""
        return sum(not self._loop.is_under_way(one) for one in self._asking)

    async def _told_in_time(self, session_id: SessionId) -> SessionState | None:
        time = asyncio.get_running_loop().time
        ends_at = time() + self._seconds_max
        telling = asyncio.create_task(self._loop.deliver_now(session_id))
        try:
            while (left := ends_at - time()) > 0:
                await asyncio.wait({telling}, timeout=min(left, LOOK_SECONDS))
                if telling.done():
                    return None if telling.cancelled() else telling.result()
                if self._loop.closed_seconds() > left and not self._loop.is_under_way(session_id):
                    return None
            return None
        finally:
            telling.cancel()
