"""What can be wrong with a request before it is an event.

Exception
├── EventRefused (domain)
│   ├── WrongMediaType
│   └── BodyTooLarge
├── InvalidJson (adapters.event_json.strict_json)
├── NotAuthorised
└── SenderGone
"""

from domain.errors import EventRefused


class NotAuthorised(Exception):
    """The sender did not prove who it is; `challenge` is the `WWW-Authenticate` header."""

    def __init__(self, detail: str, challenge: str) -> None:
        super().__init__(detail)
        self.challenge = challenge


class WrongMediaType(EventRefused):
    """The body is not what it has to be; the text says what that is."""


class BodyTooLarge(EventRefused):
    """The body goes over its limit.

    Attributes:
        byte_size: as announced; None when the sender did not say.
    """

    def __init__(self, byte_size: int | None, byte_size_max: int) -> None:
        super().__init__(f"the body may have {byte_size_max} bytes")
        self.byte_size = byte_size
        self.byte_size_max = byte_size_max


class SenderGone(Exception):
    """The sender broke off, or was cut off, before its body had come."""
