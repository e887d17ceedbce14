"""The errors of the ports; no other exception crosses them.

SessionKeeperError
├── StoreUnavailable        the store did not answer: the outcome is nothing or unknown; send again
│   └── SessionUnreadable   this record is damaged or of a newer version; other sessions are not affected
├── GenesysError
│   ├── GenesysRefused      Genesys refused this copy for good
│   ├── GenesysUnavailable  a later attempt may succeed
│   └── GenesysMisconfigured  credentials or permissions are wrong: nothing can be delivered
├── SessionNotFound
└── UnknownCursor           the cursor is from no earlier page of this trail
"""

from domain.errors import SessionKeeperError
from domain.sync.state import SyncFailure


class StoreUnavailable(SessionKeeperError):
    """The store did not answer in time or not sensibly.

    The outcome is unknown, or nothing was changed. Events are idempotent: to send one again is safe.
    """


class SessionUnreadable(StoreUnavailable):
    """The record of this one session cannot be read: it is damaged, or a newer version wrote it.

    It can be read again after a repair or an upgrade; until then it can be evicted and erased.
    """


class SessionNotFound(SessionKeeperError):
    """There is no such session, or it has expired."""


class UnknownCursor(SessionKeeperError):
    """The cursor is not the `next_after` of an earlier page of this trail; perhaps another store gave it."""


class GenesysError(SessionKeeperError):
    """The copy was not delivered to Genesys; `failure` says why, without any context value."""

    def __init__(self, failure: SyncFailure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class GenesysRefused(GenesysError):
    """Final for this copy of the session (400, 403, 404 and their like)."""


class GenesysUnavailable(GenesysError):
    """A later attempt may succeed: rate limit, fault of the server or the network, no answer.

    Attributes:
        retry_seconds: how long Genesys asked to wait; None when it did not say.
        outage: whether this is about Genesys as a whole, and so counts for the circuit breaker.
    """

    def __init__(
        self, failure: SyncFailure, *, retry_seconds: float | None = None, outage: bool = True
    ) -> None:
        super().__init__(failure)
        self.retry_seconds = retry_seconds
        self.outage = outage


class GenesysMisconfigured(GenesysError):
    """Nothing can be delivered until an operator changes something: credentials are refused."""
