"""`SYNC_MODE=inline`: delivers within the request if there is time, and leaves the rest to the loop."""

import asyncio

from application.sync.loop import SyncLoop
from domain.ids import SessionId
from domain.session.state import SessionState

LOOK_SECONDS = 0.25
"""How often a waiting request checks whether its call can still be made in time."""


class InlineSync:
    def __init__(self, *, loop: SyncLoop, seconds_max: float) -> None:
        self._loop = loop
        self._seconds_max = seconds_max
        self._asking: list[SessionId] = []

    async def sync_soon(self, session_id: SessionId) -> SessionState | None:
        """The session after the attempt; None when that takes longer than `seconds_max`.

        A request whose call cannot be made in time does not wait at all. A call that was begun goes on
        after the request, and its end is written as for every other.
        """
        state = None
        if self._loop.likely_seconds(self._ahead()) <= self._seconds_max:
            self._asking.append(session_id)
            try:
                state = await self._delivered_in_time(session_id)
            finally:
                self._asking.remove(session_id)
        return state if state is not None else await self._loop.sync_soon(session_id)

    async def close(self) -> None:
        """Waits a little for calls under way; called once no more requests come."""
        await self._loop.stop()

    def _ahead(self) -> int:
        """Waiting requests whose calls have not begun."""
        return sum(not self._loop.is_under_way(one) for one in self._asking)

    async def _delivered_in_time(self, session_id: SessionId) -> SessionState | None:
        time = asyncio.get_running_loop().time
        ends_at = time() + self._seconds_max
        delivery = asyncio.create_task(self._loop.deliver_now(session_id))
        try:
            while (left := ends_at - time()) > 0:
                await asyncio.wait({delivery}, timeout=min(left, LOOK_SECONDS))
                if delivery.done():
                    return None if delivery.cancelled() else delivery.result()
                if self._loop.closed_seconds() > left and not self._loop.is_under_way(session_id):
                    return None
            return None
        finally:
            delivery.cancel()
