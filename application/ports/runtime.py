"""Time, ids and randomness as ports, so that tests can fix them."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from domain.ids import ClaimToken, PersistenceId


class Clock(Protocol):
    """The wall clock."""

    @abstractmethod
    def now(self) -> datetime:
        """Aware, in UTC."""


class IdGenerator(Protocol):
    """Generates unique ids, claim tokens and jitter."""

    @abstractmethod
    def persistence_id(self) -> PersistenceId:
        """A UUID, 36 characters."""

    @abstractmethod
    def claim_token(self) -> ClaimToken:
        """A random fencing token, unique over all processes: never a host name or a process number."""

    @abstractmethod
    def jitter(self) -> float:
        """A random number from 0 up to 1."""
