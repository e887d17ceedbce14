"""The events that the bench sends: whole contexts of one size, of which a few variables change.

A template holds two places: `SESSION` for the five digits of a session, `NUMBER` for the nine of the event.
Both generators of load, `webhooks.lua` and `open_loop.py`, fill them in, which costs them a microsecond.
"""

import json
from pathlib import Path
from typing import Any, Final

SESSIONS: Final = 10_000
TEMPLATES: Final = 16
STRIDE: Final = 7_919
"""From one event's session to the next one's: a prime, so that all sessions are gone through."""
SESSION: Final = "%SESSION%"
NUMBER: Final = "%NUMBER%"
CHARACTERS_ADDED: Final = len("12345" + "123456789") - len(SESSION + NUMBER)
INTENTS: Final = ("return-item", "track-order", "cancel-order", "talk-to-agent")


def template_of(variant: int, context_bytes: int) -> str:
    """An event as compact JSON; its context has so many bytes, give or take 200, and never more than that."""
    context: dict[str, Any] = {
        "customerId": "C-1007",
        "language": "de-DE",
        "intent": INTENTS[variant % len(INTENTS)],
        "step": variant,
        "lastMessageId": NUMBER,
    }
    place = 0
    while len(_json(context).encode()) + 160 < context_bytes:
        context[f"line{place}"] = {
            "item": f"Stehlampe „Ölberg“ {place}",
            "quantity": place % 3 + 1,
            "price": 19.99,
            "notes": ["fragile", "gift\nwrapped"],
        }
        place += 1
    context["note"] = "n" * max(0, context_bytes - len(_json(context).encode()) - 20)
    event = {"sessionId": f"bench-{SESSION}", "eventType": "message", "context": context}
    return _json(event)


def templates_of(context_bytes: int) -> list[str]:
    return [template_of(variant, context_bytes) for variant in range(TEMPLATES)]


def write_templates(context_bytes: int, path: Path) -> None:
    """For wrk: one request a line, headers not included, in the order of the variants."""
    path.write_text("\n".join(templates_of(context_bytes)) + "\n", encoding="utf-8")


def session_of(number: int) -> int:
    """The session of the event with this number, from 0 to 9,999."""
    return number * STRIDE % SESSIONS


class Requests:
    """Whole HTTP requests, put together from parts that were encoded once."""

    def __init__(self, context_bytes: int, *, ttl_seconds: int | None = None) -> None:
        """Without `ttl_seconds` sessions live for as long as the service lets them."""
        templates = templates_of(context_bytes)
        if ttl_seconds is not None:
            templates = [f'{{"ttlSeconds":{ttl_seconds},{template[1:]}' for template in templates]
        self._parts = [_request_parts(template) for template in templates]

    def request(self, number: int) -> bytes:
        before, between, after = self._parts[number % TEMPLATES]
        return b"%b%05d%b%09d%b" % (before, session_of(number), between, number, after)


def _request_parts(template: str) -> tuple[bytes, bytes, bytes]:
    length = len(template.encode()) + CHARACTERS_ADDED
    head = (
        "POST /webhook/messaging HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        f"content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
    before, _, rest = (head + template).partition(SESSION)
    between, _, after = rest.partition(NUMBER)
    return before.encode(), between.encode(), after.encode()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
