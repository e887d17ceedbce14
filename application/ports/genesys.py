"""Genesys Cloud, and the calls that it allows."""

from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from domain.sync.session_copy import SessionCopy
from domain.sync.state import SyncReceipt


@dataclass(frozen=True, slots=True, kw_only=True)
class GenesysAccess:
    """What Genesys says of the client whose credentials we have; they were accepted.

    Attributes:
        organization: its name; None when Genesys did not tell it.
        missing: permissions that the target needs and the client lacks, as `domain:entity:action`; one
            entry may name several, of which one is enough.
        unchecked: why the permissions could not be looked up; None: they were.
    """

    organization: str | None = None
    missing: tuple[str, ...] = ()
    unchecked: str | None = None

    @property
    def sufficient(self) -> bool:
        """Whether no permission is known to be missing."""
        return not self.missing

    def __str__(self) -> str:
        facts = ["the token is accepted" + (f" by {self.organization}" if self.organization else "")]
        if self.missing:
            facts.append("its client lacks the permission " + ", and ".join(self.missing))
        if self.unchecked is not None:
            facts.append(f"its permissions could not be checked ({self.unchecked})")
        return "; ".join(facts)


class GenesysGateway(Protocol):
    """Genesys Cloud, as far as this service speaks to it."""

    @abstractmethod
    async def write_back(self, copy: SessionCopy, permit: "CallPermit") -> SyncReceipt:
        """Tells Genesys the state of a session.

        Telling the same twice does no harm. `permit` is for the first call; for what more is needed (a
        look-up, a short retry) the gateway asks the budget itself. It ends within its time-out.

        Raises:
            GenesysRefused, GenesysUnavailable, GenesysMisconfigured.
        """

    @abstractmethod
    async def check_access(self) -> GenesysAccess:
        """Who we are to Genesys, and whether we may make the calls of the target.

        It asks the budget for its calls itself. That the permissions cannot be looked up is no error.

        Raises:
            GenesysRefused, GenesysUnavailable, GenesysMisconfigured: the token is not accepted.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetFigures:
    """The budget of calls as it stands.

    Attributes:
        allowed: calls in one rate window of Genesys.
        left: calls of this window that may still be made.
        in_flight: permits that were given and have neither ended nor been given back.
        closed_seconds: for how long Genesys' `Retry-After` still keeps everybody from calling.
    """

    allowed: int
    left: int
    in_flight: int
    closed_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowReport:
    """What the answer to a call says of Genesys' rate window, from its three rate headers.

    Attributes:
        count: calls that Genesys has counted in the window, whoever made them.
        allowed: calls that it allows in one.
        reset_seconds: when the window ends, from the answer on.
    """

    count: int
    allowed: int
    reset_seconds: float


class CallPermit(Protocol):
    """The right to make one call of Genesys, from `CallBudget.permit`. It is good for one call alone."""

    @property
    @abstractmethod
    def spent(self) -> bool:
        """Whether a call was made with it."""

    @abstractmethod
    def spend(self) -> None:
        """The call is made now, and spent however it ends.

        Raises:
            RuntimeError: it was spent before, or its `async with` is over.
        """

    @abstractmethod
    def end(self, report: WindowReport | None = None) -> None:
        """The call has ended; without this it ends with the `async with`. Only the first end counts."""


class CallBudget(Protocol):
    """The calls that Genesys allows; shared by everything in this process that calls it."""

    @abstractmethod
    def permit(self) -> AbstractAsyncContextManager[CallPermit]:
        """Waits until a call may be made, first come, first served, and holds the right to make it.

        At the end of the `async with` a call that was not made is given back.
        """

    @abstractmethod
    def wait_seconds(self, ahead: int = 0) -> float:
        """How long one who asks for a permit now is likely to wait, those who wait already included.

        An estimate: what others do with the same token, and what Genesys answers, may make it longer.

        Args:
            ahead: how many are to be served first, if that is more than wait already.
        """

    @abstractmethod
    def figures(self) -> BudgetFigures:
        """As far as is known now; may be asked from any thread, also before the first call."""
