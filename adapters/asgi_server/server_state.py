"""What the connections of a server process share: counts, what waits to begin, and answers made once."""

from collections import deque
from collections.abc import Callable

from uvicorn.server import ServerState

from adapters.asgi_server.limits import ServerLimits
from adapters.asgi_server.overload import OnRefused, RefusalCounter
from adapters.asgi_server.refusal import REQUESTS_TOO_MANY


class GuardedState(ServerState):
    """uvicorn's, with what the bounds need: how much is under way, and how much was refused."""

    def __init__(self, on_refused: OnRefused | None = None) -> None:
        super().__init__()
        self.refusals = RefusalCounter(on_refused)
        self.under_way = 0  # requests that the application works on, bodies arrived
        self.starting = 0  # requests that the application begins with in the next turn of the loop
        self.to_start: deque[tuple[float, Callable[[], None]]] = deque()  # those after, and since when
        self._headers: list[tuple[bytes, bytes]] | None = None
        self._head = self._too_many = b""

    def default_head(self) -> bytes:
        """The headers that every answer has, as they are written; uvicorn makes new ones every second."""
        if self._headers is not self.default_headers:
            self._headers = self.default_headers
            self._head = b"".join(b"%s: %s\r\n" % header for header in self._headers)
            self._too_many = REQUESTS_TOO_MANY.encode(self._head, closes=False)
        return self._head

    def too_many(self) -> bytes:
        """The answer to a request that there is no room for, on a connection that stays."""
        self.default_head()
        return self._too_many

    def is_full(self, limits: ServerLimits, clock: Callable[[], float]) -> bool:
        """Too many are under way, or those to start have waited too long on a slow machine."""
        if self.under_way >= limits.requests_under_way_max:
            return True
        if not self.to_start:
            return False
        since, _ = self.to_start[0]
        return clock() - since > limits.request_wait_seconds_max

    def started(self) -> None:
        """The application begins with a request in this turn of the loop; another may in the next one."""
        self.starting -= 1
        if self.to_start:
            _, start = self.to_start.popleft()
            start()

    def tick(self, now: float) -> None:
        self.close_what_is_late(now)
        self.refusals.make_known(now)

    def close_what_is_late(self, now: float) -> None:
        """Look at all deadlines; called ten times a second, which is a good deal cheaper than a timer
        for each request (0.03 ms for 1,000 connections, where a request cost two timers).
        """
        for connection in [one for one in self.connections if one.due <= now]:  # type: ignore[union-attr]
            connection.late()  # type: ignore[union-attr]
