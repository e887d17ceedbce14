"""The JSON schema of a deployment's contexts as a port."""

from abc import abstractmethod
from typing import Protocol

from domain.errors import Violation


class ContextSchema(Protocol):
    """The schema that every context of a deployment must meet."""

    @abstractmethod
    def violations(self, document: bytes) -> tuple[Violation, ...]:
        """The violations of a context document (canonical bytes); pointers start with `/context`."""
