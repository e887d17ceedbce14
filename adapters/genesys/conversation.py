"""The customer participant of a conversation to whom attributes are delivered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from adapters.genesys.json_answers import UnreadableAnswer, decoded
from application.errors import GenesysRefused
from domain.sync.state import SyncFailure

PARTICIPANTS_MAX = 1000
ID_LENGTH_MAX = 256
_NEVER = datetime.min.replace(tzinfo=UTC)


class _Conversation(msgspec.Struct):
    participants: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=PARTICIPANTS_MAX)] = []


class _Role(msgspec.Struct):
    purpose: str | None = None


class _Customer(msgspec.Struct, rename="camel"):
    """The id stands in a path and is kept: it is no dot segment, and printable ASCII."""

    id: Annotated[
        str, msgspec.Meta(min_length=1, max_length=ID_LENGTH_MAX, pattern=r"^(?!\.{1,2}\Z)[\x21-\x7e]+\Z")
    ]
    start_time: str | None = None
    connected_time: str | None = None
    end_time: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Attributes:
    began: when the participant connected, or was made; `datetime.min` if Genesys gives neither.
    left: whether the participant has an end.
    """

    id: str
    began: datetime
    left: bool


def customers_of(answer: bytes) -> Sequence[Customer]:
    """The participants with `purpose: customer`, in the order of the answer.

    What is odd about other participants does not matter.

    Raises:
        GenesysRefused: the conversation or one of its customers cannot be read (`conversation.unreadable`).
    """
    try:
        participants = decoded(answer, _Conversation).participants
        customers = [
            decoded(participant, _Customer) for participant in participants if _is_customer(participant)
        ]
    except UnreadableAnswer as error:
        raise GenesysRefused(
            SyncFailure(
                code="conversation.unreadable",
                reason="Genesys describes the conversation in a way that makes no sense",
            )
        ) from error
    return [
        Customer(id=c.id, began=_moment(c.connected_time or c.start_time), left=c.end_time is not None)
        for c in customers
    ]


def recipient_among(customers: Sequence[Customer]) -> Customer:
    """One who has not left before all who have; of these, who began last; if equal, the last one listed.

    A conversation whose customers have all left can still be read by flows and agents that follow up, and
    an ended session meets hardly any other.

    Raises:
        GenesysRefused: there is no customer at all (`no.customer`).
    """
    if not customers:
        raise GenesysRefused(
            SyncFailure(code="no.customer", reason="the conversation has no customer among its participants")
        )
    return max(enumerate(customers), key=lambda place: (not place[1].left, place[1].began, place[0]))[1]


def _is_customer(participant: msgspec.Raw) -> bool:
    try:
        return decoded(participant, _Role).purpose == "customer"
    except UnreadableAnswer:
        return False


def _moment(text: str | None) -> datetime:
    """RFC 3339; a time that is none says nothing about the order."""
    try:
        moment = msgspec.convert(text, datetime)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        return _NEVER
