"""Genesys Cloud as a port: delivery of copies, and the budget of calls."""

from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from domain.sync.session_copy import SessionCopy
from domain.sync.state import SyncReceipt


@dataclass(frozen=True, slots=True, kw_only=True)
class GenesysAccess:
    """The organisation and permissions of the client that Genesys accepted our token for.

    Attributes:
        organization: its name; None when Genesys did not say.
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
    """The calls of Genesys Cloud that this service makes."""

    @abstractmethod
    async def write_back(self, copy: SessionCopy, permit: "CallPermit") -> SyncReceipt:
        """Delivers the copy of a session to Genesys.

        Idempotent: to deliver the same copy twice does no harm. Ends within the gateway's time-out.

        Args:
            permit: for the first call; for further ones (a look-up, a short retry) the gateway asks the
                budget itself.

        Raises:
            GenesysRefused: for good, for this copy.
            GenesysUnavailable: a later attempt may succeed; this one may have taken effect.
            GenesysMisconfigured: no copy can be delivered.
        """

    @abstractmethod
    async def check_access(self) -> GenesysAccess:
        """The organisation that accepts our token, and the permissions that the target needs and it lacks.

        Asks the budget for its calls itself. Permissions that cannot be looked up are no error.

        Raises:
            GenesysRefused, GenesysUnavailable, GenesysMisconfigured: the token is not accepted.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetFigures:
    """The state of the call budget.

    Attributes:
        allowed: calls in one rate window of Genesys.
        left: calls that may still be made in this window.
        in_flight: permits that were given, and neither have ended nor were given back.
        closed_seconds: how long no call is made yet, because of Genesys' `Retry-After`.
    """

    allowed: int
    left: int
    in_flight: int
    closed_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowReport:
    """Genesys' rate window, from the three rate headers of an answer.

    Attributes:
        count: calls that Genesys has counted in the window, whoever made them.
        allowed: calls that Genesys allows in a window.
        reset_seconds: from the answer to the end of the window.
    """

    count: int
    allowed: int
    reset_seconds: float


class CallPermit(Protocol):
    """The right to make exactly one call of Genesys, from `CallBudget.permit`."""

    @property
    @abstractmethod
    def spent(self) -> bool:
        """Whether a call was made with it."""

    @abstractmethod
    def spend(self) -> None:
        """Marks the permit as spent: the call is made now, and counts however it ends.

        Raises:
            RuntimeError: it was spent before, or its `async with` is over.
        """

    @abstractmethod
    def end(self, report: WindowReport | None = None) -> None:
        """Notes the end of the call; the end of the `async with` is the latest. Only the first one counts."""


class CallBudget(Protocol):
    """The budget of calls that Genesys allows; everything in a server process shares one."""

    @abstractmethod
    def permit(self) -> AbstractAsyncContextManager[CallPermit]:
        """Waits for a permit, first come, first served.

        A permit that is not spent by the end of the `async with` is given back.
        """

    @abstractmethod
    def wait_seconds(self, ahead: int = 0) -> float:
        """The likely wait for a permit that is asked for now, behind everybody who waits already.

        An estimate: other users of the same token, and Genesys' answers, may make it longer.

        Args:
            ahead: permits to be given first, if more than wait already.
        """

    @abstractmethod
    def figures(self) -> BudgetFigures:
        """The budget as far as is known now. Safe from any thread, also before the first call."""
