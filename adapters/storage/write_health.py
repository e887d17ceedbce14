"""Whether writes go through, as far as those that were made show it."""

from collections.abc import Awaitable, Callable

from application.errors import StoreUnavailable


class WriteHealth:
    """Remembers when a write last went through, and when and why one last failed as a whole.

    What fails because of one session says nothing about the store, and is not reported here.
    """

    def __init__(self, *, clock: Callable[[], float], window_seconds: float) -> None:
        self._clock = clock
        self._window_seconds = window_seconds
        self._succeeded_at: float | None = None
        self._failed_at: float | None = None
        self._failure = ""

    def succeeded(self) -> None:
        self._succeeded_at = self._clock()

    def failed(self, reason: str) -> None:
        self._failed_at = self._clock()
        self._failure = reason

    async def check(self, probe: Callable[[], Awaitable[object]]) -> None:
        """Returns when a write went through within the window, or when the probe, a small write, does.

        Raises:
            StoreUnavailable: the writes within the window all failed, or nothing was written and the
                probe failed.
        """
        if self._is_recent(self._succeeded_at):
            return
        if self._is_recent(self._failed_at):
            raise StoreUnavailable(self._failure)
        await probe()
        self.succeeded()

    def _is_recent(self, moment: float | None) -> bool:
        return moment is not None and self._clock() - moment <= self._window_seconds
