"""Every write that was accepted, in order."""

from collections import deque
from itertools import islice
from typing import Any, Literal

import msgspec

TargetKind = Literal["messaging-session", "participant-attributes"]


class AcceptedWrite(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted write.

    `ids` is `{sessionId}` or `{conversationId, participantId}`; `document` is what was sent:
    the context of a session, or the attributes of a participant.
    """

    sequence: int
    time: str
    kind: TargetKind
    ids: dict[str, str]
    document: dict[str, Any]


class WriteLog:
    """Sequence numbers start at 1 and are never used twice; the log keeps the newest `writes_max`."""

    def __init__(self, *, writes_max: int) -> None:
        self._writes: deque[AcceptedWrite] = deque(maxlen=writes_max)
        self.newest = 0

    def add(self, kind: TargetKind, ids: dict[str, str], document: dict[str, Any], *, time: str) -> None:
        self.newest += 1
        self._writes.append(
            AcceptedWrite(sequence=self.newest, time=time, kind=kind, ids=ids, document=document)
        )

    def since(self, sequence: int, *, limit: int | None = None) -> list[AcceptedWrite]:
        """The writes with a number above `sequence`, oldest first, at most `limit` of them."""
        start = max(len(self._writes) - max(self.newest - sequence, 0), 0)
        return list(islice(self._writes, start, None if limit is None else start + limit))
