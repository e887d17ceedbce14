"""Time, ids and chance."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from domain.ids import ClaimToken, PersistenceId


class Clock(Protocol):
    """The time."""

    @abstractmethod
    def now(self) -> datetime:
        """Aware, in UTC."""


class IdGenerator(Protocol):
    """Names that nobody else gives."""

    @abstractmethod
    def persistence_id(self) -> PersistenceId:
        """A UUID, 36 characters."""

    @abstractmethod
    def claim_token(self) -> ClaimToken:
        """Unguessable by chance: random, never a host name or a process number."""

    @abstractmethod
    def jitter(self) -> float:
        """A random number from 0 up to 1."""
