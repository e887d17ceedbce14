"""The shape that a deployment wants of a context."""

from abc import abstractmethod
from typing import Protocol

from domain.errors import Violation


class ContextSchema(Protocol):
    """The shape that a deployment wants of a context."""

    @abstractmethod
    def violations(self, document: bytes) -> tuple[Violation, ...]:
        """What is wrong with a context document (canonical bytes); pointers start with `/context`."""
