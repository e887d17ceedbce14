"""What ports may raise; no other exception crosses them.

SessionKeeperError
├── StoreUnavailable        the store did not answer: nothing was changed, or nobody can tell; send again
│   └── SessionUnreadable   the record of this session is damaged, or of a newer version; others are well
├── GenesysError
│   ├── GenesysRefused      Genesys will not take it, however often it is sent
│   ├── GenesysUnavailable  it may go through later
│   └── GenesysMisconfigured  credentials or rights are wrong: no session can be told
├── SessionNotFound
└── UnknownCursor           the page that is asked for follows none that was given
"""

from domain.errors import SessionKeeperError
from domain.sync.state import SyncFailure


class StoreUnavailable(SessionKeeperError):
    """The store did not answer in time or not sensibly.

    Either nothing was changed or the outcome is unknown; to send the same event again is safe.
    """


class SessionUnreadable(StoreUnavailable):
    """The record of this one session cannot be read: it is damaged, or a newer version wrote it.

    It can be read again after a repair or an upgrade; it can be evicted and erased all the same.
    """


class SessionNotFound(SessionKeeperError):
    """There is no such session, or it has expired."""


class UnknownCursor(SessionKeeperError):
    """It is not the `next_after` of an earlier page of this trail, or of another kind of store."""


class GenesysError(SessionKeeperError):
    """Genesys was not told; `failure` says why, without any context value."""

    def __init__(self, failure: SyncFailure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class GenesysRefused(GenesysError):
    """Final for this copy of the session (400, 403, 404 and their like)."""


class GenesysUnavailable(GenesysError):
    """It may go through later: rate limit, fault of the server or the network, no answer.

    Attributes:
        retry_seconds: how long Genesys asked to wait; None when it did not say.
        outage: whether it says something about Genesys as a whole, rather than about this call.
    """

    def __init__(
        self, failure: SyncFailure, *, retry_seconds: float | None = None, outage: bool = True
    ) -> None:
        super().__init__(failure)
        self.retry_seconds = retry_seconds
        self.outage = outage


class GenesysMisconfigured(GenesysError):
    """No session can be told until an operator changes something: credentials are refused."""
