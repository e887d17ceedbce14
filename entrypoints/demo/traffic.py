"""Plausible sessions of a contact centre, event by event, with the faults of real deliveries."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

INTENTS = ("track-order", "return-item", "change-address", "billing-question", "book-service")
ITEMS = ("kettle", "lamp", "desk", "chair", "headset", "router", "toaster")
LIVE_SESSIONS = 12
REPEATED_SHARE = 0.06
LATE_SHARE = 0.05


@dataclass(slots=True)
class _Conversation:
    """One customer's conversation: the steps that are still to come."""

    session_id: str
    steps: list[dict[str, Any]]
    began: datetime


@dataclass(slots=True)
class Traffic:
    """An endless stream of webhook bodies; about one in ten comes twice or too late."""

    seed: int
    sessions: list[str] = field(default_factory=list)
    _live: list[_Conversation] = field(default_factory=list)
    _held_back: list[dict[str, Any]] = field(default_factory=list)

    def events(self, now: datetime) -> Iterator[dict[str, Any]]:
        """Bodies of `POST /webhook/messaging`, with `occurredAt` a little apart."""
        chance = random.Random(self.seed)  # noqa: S311 - sample data
        moment = now
        while True:
            while len(self._live) < LIVE_SESSIONS:
                self._live.append(self._begin(chance, moment))
            conversation = chance.choice(self._live)
            moment += timedelta(milliseconds=1)
            body = self._next_step(conversation, moment)
            if not conversation.steps:
                self._live.remove(conversation)
            if chance.random() < LATE_SHARE and body["eventType"] != "session-ended":
                self._held_back.append(body)
                continue
            yield body
            if chance.random() < REPEATED_SHARE:
                yield body
            if self._held_back and chance.random() < LATE_SHARE * 2:
                yield self._held_back.pop(0)

    def _begin(self, chance: random.Random, now: datetime) -> _Conversation:
        session_id = f"demo-{len(self.sessions) + 1:04}"
        self.sessions.append(session_id)
        return _Conversation(session_id, list(_steps(chance)), now)

    def _next_step(self, conversation: _Conversation, moment: datetime) -> dict[str, Any]:
        step = conversation.steps.pop(0)
        return {
            "sessionId": conversation.session_id,
            "occurredAt": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            **step,
        }


def _steps(chance: random.Random) -> Iterator[dict[str, Any]]:
    yield {
        "eventType": "session-started",
        "context": {"channel": "web-messaging", "step": "greeting"},
        "ttlSeconds": 1800,
    }
    yield _merge({"customerId": f"C{chance.randrange(10_000, 99_999)}", "step": "identified"})
    yield _merge({"intent": chance.choice(INTENTS), "step": "intent", "confidence": 0.93})
    cart: list[dict[str, Any]] = []
    for _ in range(chance.randrange(1, 5)):
        cart.append({"item": chance.choice(ITEMS), "quantity": chance.randrange(1, 4)})
        yield _merge({"cart": {"items": list(cart), "currency": "EUR"}, "step": "cart"})
    yield _merge({"confidence": None, "step": "agent"})
    yield {"eventType": chance.choice(["session-ended", "session-ended", "session-expired"])}


def _merge(context: dict[str, Any]) -> dict[str, Any]:
    return {"eventType": "context-updated", "contextMode": "merge", "context": context}
