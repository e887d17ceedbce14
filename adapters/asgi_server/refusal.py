"""Answers that the server gives without the application."""

import http
import json
from dataclasses import dataclass

from adapters.asgi_server.answer_head import status_line


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer given without the application, as `application/problem+json` (RFC 9457)."""

    status: int
    detail: str

    def encode(self, default_head: bytes, *, closes: bool = True) -> bytes:
        problem = {
            "type": "about:blank",
            "title": http.HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        body = json.dumps(problem).encode()
        lines = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(body)),
        ]
        if closes:
            lines.append((b"connection", b"close"))
        if self.status == http.HTTPStatus.SERVICE_UNAVAILABLE:
            lines.append((b"retry-after", b"1"))
        head = b"".join(b"%s: %s\r\n" % line for line in lines)
        return status_line(self.status) + default_head + head + b"\r\n" + body


MALFORMED = Refusal(400, "The request is not valid HTTP/1.1.")
PIPELINED_TOO_FAR = Refusal(400, "Too many requests were sent ahead of their answers.")
HEADERS_TOO_SLOW = Refusal(408, "The request's headers took too long to arrive.")
BODY_TOO_SLOW = Refusal(408, "The request's body took too long to arrive.")
BODY_TOO_LARGE = Refusal(413, "The request's body is larger than the server reads.")
HEADERS_TOO_LARGE = Refusal(431, "The request line and the headers are too large.")
HEADERS_TOO_MANY = Refusal(431, "The request has too many headers.")
CONNECTIONS_TOO_MANY = Refusal(503, "The server has as many connections as it takes.")
REQUESTS_TOO_MANY = Refusal(503, "The server has as many requests under way as it takes.")
STOPPING = Refusal(503, "The server stopped before the request was done.")
