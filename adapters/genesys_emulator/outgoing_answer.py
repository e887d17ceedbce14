"""An answer of the API on its way to the client."""

import uuid

import msgspec
from litestar.types import Message, Send

from adapters.genesys_emulator.errors import GenesysError
from adapters.genesys_emulator.rate_limit import RateReading

Headers = list[tuple[bytes, bytes]]


class OutgoingAnswer:
    """Adds the headers that every answer carries, notes the status, and drops it all when `silent`."""

    def __init__(self, method: str, send: Send) -> None:
        self._head_only = method == "HEAD"
        self._send = send
        self.correlation_id = str(uuid.uuid4())
        self.reading: RateReading | None = None
        self.silent = False
        self.status = 500

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], *self._headers()]
        if not self.silent:
            await self._send(message)

    async def refuse(self, error: GenesysError) -> None:
        body = msgspec.json.encode(error.body(self.correlation_id))
        headers: Headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *((name.lower().encode(), value.encode()) for name, value in error.headers.items()),
        ]
        await self.send({"type": "http.response.start", "status": error.status, "headers": headers})
        await self.send(
            {"type": "http.response.body", "body": b"" if self._head_only else body, "more_body": False}
        )

    def _headers(self) -> Headers:
        rate = self.reading.headers if self.reading else []
        return [(b"inin-correlation-id", self.correlation_id.encode()), *rate]
