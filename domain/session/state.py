"""The state of a session: all that is stored of it, and what follows from that."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.context.lww_map import LwwMap
from domain.ids import PersistenceId, SessionId
from domain.session.lifecycle import Lifecycle, SessionStatus
from domain.stamps import LwwRegister, Stamp
from domain.sync.policy import SyncTarget
from domain.sync.session_copy import SessionCopy, fingerprint_of
from domain.sync.state import SyncLane, SyncState, SyncStatus


@dataclass(frozen=True, slots=True)
class Participant:
    """A participant id, and the conversation that it belongs to.

    Attributes:
        conversation_id: as the event named it. None when it named none: then the participant belongs to
            the conversation that the session had at the time of that event.
    """

    conversation_id: str | None
    participant_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """The state of one session. Immutable: a decision makes a new one.

    Attributes:
        revision: grows by one with every change that was persisted, and with an end; 0 for a tombstone.
        persistence_id: new with every change that was persisted.
        expires_at: from then on no reader is given it.
        conversation_id, participant, subject_id: as events reported them; None: no event did. An event
            need not name both of the first two, and either may arrive late, so each is a register of its
            own; `participant_id` combines them.
    """

    session_id: SessionId
    revision: int
    persistence_id: PersistenceId
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    ttl_seconds: LwwRegister[int]
    context: LwwMap = field(default_factory=LwwMap)
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    conversation_id: LwwRegister[str | None] = field(default_factory=lambda: LwwRegister(None))
    participant: LwwRegister[Participant | None] = field(default_factory=lambda: LwwRegister(None))
    subject_id: LwwRegister[str | None] = field(default_factory=lambda: LwwRegister(None))
    sync: SyncState = field(default_factory=lambda: SyncState(status=SyncStatus.COMPLETED))

    @property
    def status(self) -> SessionStatus:
        return self.lifecycle.status

    @property
    def has_context(self) -> bool:
        """Whether there is a context to serve and to sync, from an activity or an end."""
        return self.lifecycle.last_activity is not None or bool(self.context.texts)

    @property
    def byte_size(self) -> int:
        """Canonical bytes of the context as it is stored; 0 when there never was one."""
        return len(self.context.document) if self.has_context else 0

    @property
    def readable_document(self) -> bytes:
        """The canonical context as readers are shown it: nothing in it is compressed."""
        return self.context.expanded().document

    @property
    def participant_id(self) -> str | None:
        """The participant that events named for the session's conversation; None: to be looked up.

        A participant without a conversation counts only while no newer event has named a conversation: a
        lookup costs one call, but a participant of another conversation is refused for good.
        """
        named, conversation = self.participant, self.conversation_id
        if named.value is None:
            return None
        if named.value.conversation_id is None:
            belongs = conversation.stamp <= named.stamp
        else:
            belongs = named.value.conversation_id == conversation.value
        return named.value.participant_id if belongs else None

    @property
    def sync_lane(self) -> SyncLane:
        if self.sync.refresh_only:
            return SyncLane.REFRESH
        return SyncLane.LIVE if self.status is SessionStatus.PERSISTED else SyncLane.ENDED

    def expired(self, now: datetime) -> bool:
        return self.expires_at <= now

    def served(self, now: datetime) -> bool:
        """Whether a reader is given this session."""
        return self.has_context and not self.expired(now)

    def fingerprint(self, target: SyncTarget) -> str:
        """A digest of what is sent to the target, without the expiry and the time of sending."""
        if target is SyncTarget.MESSAGING_SESSIONS:
            return fingerprint_of(self.persistence_id, self.context.document)
        return fingerprint_of(self.persistence_id, self.conversation_id.value, self.participant_id)

    def copy(self, target: SyncTarget) -> SessionCopy:
        """The copy of this state that is to be delivered to Genesys."""
        conversation_id = self.conversation_id.value or self.session_id
        found_for, found = self.sync.participant or (None, None)
        found = found if found_for == conversation_id else None
        return SessionCopy(
            session_id=self.session_id,
            persistence_id=self.persistence_id,
            texts=self.context.texts,
            expires_at=self.expires_at,
            conversation_id=conversation_id,
            participant_id=self.participant_id or found,
            participant_found=self.participant_id is None,
            ended=self.status is SessionStatus.ENDED,
            fingerprint=self.fingerprint(target),
        )


def tombstone(
    *,
    session_id: SessionId,
    persistence_id: PersistenceId,
    erased: Stamp,
    ends: tuple[Stamp, ...] = (),
    until: datetime,
    ttl_seconds: int,
    now: datetime,
) -> SessionState:
    """The tombstone of a session: all that it keeps is which events are too old to bring the session back.

    Args:
        erased: events that are not newer than this are ignored.
        ends: the end of a session that has ended and expired; empty when the session was erased.
        until: when the tombstone itself expires.
    """
    return SessionState(
        session_id=session_id,
        revision=0,
        persistence_id=persistence_id,
        created_at=now,
        updated_at=now,
        expires_at=until,
        ttl_seconds=LwwRegister(ttl_seconds, erased),
        context=LwwMap(floor=erased),
        lifecycle=Lifecycle(ends=ends, erased=erased, erased_until=until),
        conversation_id=LwwRegister(None, erased),
        participant=LwwRegister(None, erased),
        subject_id=LwwRegister(None, erased),
    )
