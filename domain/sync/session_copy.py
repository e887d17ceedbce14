"""The copy of a session that is delivered to Genesys, and the names in it.

Two targets: the nested `persistence` block of the `messaging-sessions` contract, and flat string
attributes of a participant, which is what Genesys Cloud really offers. Attribute values are strings;
names with a dot cannot be used in scripts, hence the `sk_` prefix.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from domain.context.variables import canonical_json, document_of
from domain.ids import PersistenceId, SessionId
from domain.instants import to_text
from domain.sync.state import SyncStatus

_BLOCK_SHAPE = {
    "persistenceId": "0" * 36,
    "syncStatus": SyncStatus.COMPLETED.value,
    "expiresAt": "0" * 24,
    "lastSynced": "0" * 24,
}
PERSISTENCE_BYTES = len(b',"persistence":' + canonical_json(_BLOCK_SHAPE))
"""The bytes that the block adds to a context's document; every value in it has a fixed length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCopy:
    """The state of a session as it was when a sync worker claimed it.

    Attributes:
        participant_found: the participant id comes from an earlier look-up; the participant may have left.
    """

    session_id: SessionId
    persistence_id: PersistenceId
    texts: Mapping[str, bytes]
    expires_at: datetime
    conversation_id: str
    participant_id: str | None
    participant_found: bool
    ended: bool
    fingerprint: str

    def persistence_block(self, now: datetime) -> dict[str, str]:
        return {
            "persistenceId": self.persistence_id,
            "syncStatus": SyncStatus.COMPLETED.value,
            "expiresAt": to_text(self.expires_at),
            "lastSynced": to_text(now),
        }

    def context_document(self, now: datetime) -> bytes:
        """The canonical bytes of the context and the persistence block together."""
        block = canonical_json(self.persistence_block(now))
        return document_of([*self.texts.items(), ("persistence", block)])

    def attributes(self, now: datetime) -> dict[str, str]:
        """The participant attributes: all strings, each under 256 characters."""
        return {f"sk_{name}": value for name, value in self.persistence_block(now).items()}


def fingerprint_of(*parts: str | bytes | None) -> str:
    """A digest of what is sent to a target, without what changes with every call: 16 hexadecimal digits."""
    digest = blake2b(digest_size=8)
    for part in parts:
        digest.update(part if isinstance(part, bytes) else repr(part).encode())
        digest.update(b"\x00")
    return digest.hexdigest()
