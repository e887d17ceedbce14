"""How many calls there were, by route and answer."""

from collections import Counter

import msgspec


class CallCount(msgspec.Struct, frozen=True, kw_only=True):
    """`status` is the HTTP status, or 0 where the connection was closed without an answer."""

    method: str
    route: str
    status: int
    count: int


class CallStatistics:
    """Routes are templates such as `/api/v2/messaging/sessions/{sessionId}`, so their number is bounded."""

    def __init__(self) -> None:
        self._calls: Counter[tuple[str, str, int]] = Counter()
        self.faults: Counter[str] = Counter()
        self.tokens_issued = 0

    def note_call(self, method: str, route: str, status: int) -> None:
        self._calls[method, route, status] += 1

    def calls(self) -> list[CallCount]:
        return [
            CallCount(method=method, route=route, status=status, count=count)
            for (method, route, status), count in sorted(self._calls.items())
        ]

    def with_status(self, wanted: int) -> int:
        return sum(count for (_, _, status), count in self._calls.items() if status == wanted)
