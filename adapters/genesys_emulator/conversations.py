"""Message conversations and the attributes of their participants."""

import uuid
from typing import Literal

import msgspec

from adapters.genesys_emulator.errors import not_found

Purpose = Literal["customer", "agent", "user", "acd", "workflow", "bot", "api", "external", "system"]


class Participant(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """The part of Genesys' `MessageMediaParticipant` and `Participant` that a service reads.

    Times are ISO 8601 in UTC with milliseconds; `end_time` is absent while the participant is there.
    """

    id: str
    purpose: Purpose
    start_time: str
    connected_time: str
    end_time: str | None = None
    attributes: dict[str, str]


class Conversation(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    id: str
    start_time: str
    participants: list[Participant]
    self_uri: str


class ConversationBook:
    """What the emulator knows of conversations.

    With `know_all`, an unknown conversation comes into being with one customer, whose id is the
    participant addressed or else follows from the conversation's id; a conversation of that kind takes
    in any participant that is addressed. One that was created on purpose never does.
    """

    def __init__(self, *, documents_max: int) -> None:
        self._conversations: dict[str, Conversation] = {}
        self._invented: set[str] = set()
        self._documents_max = documents_max

    def create(self, conversation_id: str, participants: list[Participant], *, now: str) -> Conversation:
        """Create a conversation; one of the same id is replaced."""
        self._drop(conversation_id)
        while len(self._conversations) >= self._documents_max:
            self._drop(next(iter(self._conversations)))
        conversation = Conversation(
            id=conversation_id,
            start_time=min([participant.start_time for participant in participants], default=now),
            participants=participants,
            self_uri=f"/api/v2/conversations/messages/{conversation_id}",
        )
        self._conversations[conversation_id] = conversation
        return conversation

    def read(self, conversation_id: str, *, know_all: bool, now: str) -> Conversation:
        """Raises GenesysError 404 when it is unknown."""
        found = self._conversations.get(conversation_id)
        if found is not None:
            return found
        if not know_all:
            raise not_found("conversation", conversation_id)
        customer_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"genesys-emulator:{conversation_id}"))
        return self._invent(conversation_id, customer_id, now=now)

    def merge_attributes(
        self,
        conversation_id: str,
        participant_id: str,
        attributes: dict[str, str],
        *,
        know_all: bool,
        now: str,
    ) -> dict[str, str]:
        """Set the attributes given and keep the others; answers all of them.

        Genesys does not say whether its PATCH merges; the sibling call for custom attributes does
        ("amending the data with only the provided fields").

        Raises:
            GenesysError: 404, the conversation or the participant is unknown.
        """
        if know_all and conversation_id not in self._conversations:
            self._invent(conversation_id, participant_id, now=now)
        conversation = self.read(conversation_id, know_all=False, now=now)
        participant = next((one for one in conversation.participants if one.id == participant_id), None)
        if participant is None:
            if not (know_all and conversation_id in self._invented):
                raise not_found("participant", participant_id)
            participant = _customer(participant_id, now)
            conversation.participants.append(participant)
        participant.attributes.update(attributes)
        return participant.attributes

    def all(self) -> dict[str, Conversation]:
        return self._conversations

    def _invent(self, conversation_id: str, customer_id: str, *, now: str) -> Conversation:
        conversation = self.create(conversation_id, [_customer(customer_id, now)], now=now)
        self._invented.add(conversation_id)
        return conversation

    def _drop(self, conversation_id: str) -> None:
        self._conversations.pop(conversation_id, None)
        self._invented.discard(conversation_id)


def _customer(participant_id: str, now: str) -> Participant:
    return Participant(
        id=participant_id, purpose="customer", start_time=now, connected_time=now, attributes={}
    )
