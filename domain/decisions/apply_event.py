"""Applying an event to a session: a pure function of old state, event, policies and time.

Idempotent: the result is that of the session's events in the order of their stamps, whatever the order
in which they arrive, and however often.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.audit import AuditAction, AuditEntry
from domain.context.lww_map import LwwMap
from domain.context.pruning import NOTHING_PRUNED, Pruned
from domain.context.size_policy import Fitted
from domain.decisions.decision import Decision, Outcome, Policies, any_document
from domain.decisions.entries import entry_about, refusal_entry
from domain.decisions.evict import eviction_entries, tombstone_of
from domain.errors import EventRefused, InvalidEvent, Violation
from domain.instants import from_microseconds, to_microseconds
from domain.json_pointer import CONTEXT
from domain.session.event import OWN_VARIABLES, ContextMode, EndingContext, SessionEvent
from domain.session.lifecycle import Lifecycle, SessionStatus
from domain.session.state import Participant, SessionState
from domain.stamps import LwwRegister
from domain.sync.policy import SyncTarget
from domain.sync.session_copy import PERSISTENCE_BYTES
from domain.sync.state import SyncState, SyncStatus

_ACTIONS = {
    Outcome.PERSISTED: AuditAction.SESSION_PERSISTED,
    Outcome.UNCHANGED: AuditAction.SESSION_UNCHANGED,
    Outcome.SUPERSEDED: AuditAction.SESSION_SUPERSEDED,
    Outcome.ENDED: AuditAction.SESSION_ENDED,
}

_NEVER_SYNCED = SyncState(status=SyncStatus.DISABLED)


def decide_event(
    before: SessionState | None, event: SessionEvent, policies: Policies, now: datetime
) -> Decision:
    """The decision about an event; a refused event changes nothing but the audit trail."""
    try:
        return _EventDecision(before, event, policies, now).decision()
    except EventRefused as refusal:
        failure = refusal_entry(before, event.session_id, refusal, now)
        return Decision(state=before, audit=(failure,), refusal=refusal)


@dataclass(frozen=True, slots=True)
class _Applied:
    """The lifecycle and the context after the event, before its outcome is known."""

    lifecycle: Lifecycle
    context: LwwMap


class _EventDecision:
    def __init__(
        self, before: SessionState | None, event: SessionEvent, policies: Policies, now: datetime
    ) -> None:
        self._policies = policies
        self._now = now
        self._event = event
        occurred_at, note = event.settled_time(now, policies.ttl.future_seconds_max)
        self._stamp, self._context_stamp = event.stamps(occurred_at)
        self._notes = [] if note is None else [note]
        ignores = self._event.ends_session and policies.ending_context is EndingContext.IGNORE
        self._context = None if ignores else self._event.context
        self._context_ignored = ignores and bool(self._event.context_changes())
        if self._context_ignored:
            self._notes.append("the context of an ending event was ignored")
        self._evicted = before if before is not None and before.expired(now) else None
        if self._evicted is not None:
            before = tombstone_of(self._evicted, now)
        self._before = self._blank() if before is None else before

    def decision(self) -> Decision:
        if self._event.ttl_seconds is not None:
            self._policies.ttl.check(self._event.ttl_seconds)
        if self._stamp <= self._before.lifecycle.erased:
            return self._older_than_the_erasure()
        before = self._before.context.expanded()
        applied = self._applied(before)
        fitted = self._fitted(before, applied.context)
        changed = fitted.readable is not before and fitted.readable.document != before.document
        applied = _Applied(applied.lifecycle, self._trimmed(fitted.context))
        outcome = self._outcome(applied, changed=changed)
        if fitted.pruned.count:
            self._notes.append(f"pruned {fitted.pruned}")
        return self._answer(self._after(applied, outcome, changed=changed), outcome, fitted.pruned)

    def _older_than_the_erasure(self) -> Decision:
        """Ignored, but extends the time to live of a session recreated after the erasure."""
        before = self._before
        if before.status is SessionStatus.ERASED:
            return Decision(
                state=before,
                audit=self._eviction(),
                outcome=Outcome.SUPERSEDED,
                context_ignored=self._context_ignored,
            )
        if before.lifecycle.is_tombstone:
            self._notes.append("the session has ended and expired")
            outcome = Outcome.ENDED if self._event.ends_session else Outcome.SUPERSEDED
            return self._answer(before, outcome, NOTHING_PRUNED)
        self._notes.append("older than an erasure, or than an end before this session began")
        ended = before.status is SessionStatus.ENDED
        expires_at = self._policies.ttl.expires_at(self._now, before.ttl_seconds.value, ended=ended)
        after = replace(before, expires_at=max(before.expires_at, expires_at))
        after = replace(after, sync=self._sync_after(after))
        return self._answer(after, Outcome.SUPERSEDED, NOTHING_PRUNED)

    def _blank(self) -> SessionState:
        """The state of a session before its first event."""
        return SessionState(
            session_id=self._event.session_id,
            revision=0,
            persistence_id=self._event.persistence_id,
            created_at=self._now,
            updated_at=self._now,
            expires_at=self._now,
            ttl_seconds=LwwRegister(self._policies.ttl.default_seconds),
        )

    def _applied(self, context: LwwMap) -> _Applied:
        event, lifecycle = self._event, self._before.lifecycle
        lifecycle, floor = (lifecycle.ended if event.ends_session else lifecycle.active)(self._stamp)
        if lifecycle.ends:
            last_end = from_microseconds(lifecycle.ends[-1].microseconds)
            lifecycle = lifecycle.remembered(
                last_end + timedelta(seconds=self._policies.ttl.tombstone_seconds)
            )
        context = context.raised(floor)
        if self._context is not None:
            stamp = self._context_stamp
            if event.context_mode is ContextMode.REPLACE:
                own = self._context.without(OWN_VARIABLES)
                context = context.replaced(own.texts, stamp, own.document)
            else:
                context = context.merged(event.context_changes(), stamp)
        return _Applied(lifecycle, context)

    def _trimmed(self, context: LwwMap) -> LwwMap:
        """With its tombstones within their bounds. After pruning, which makes tombstones, too."""
        if not context.has_tombstones:
            return context
        oldest = self._now - timedelta(seconds=self._policies.ttl.tombstone_seconds)
        return context.trimmed(
            tombstones_max=self._policies.tombstones_max,
            bytes_max=self._policies.tombstone_bytes_max,
            oldest_microseconds=to_microseconds(oldest),
        )

    def _outcome(self, applied: _Applied, *, changed: bool) -> Outcome:
        ended = applied.lifecycle.status is SessionStatus.ENDED
        if self._event.ends_session:
            if ended:
                return Outcome.ENDED
            self._notes.append("newer activity had already started the session again")
            return Outcome.PERSISTED if changed else Outcome.SUPERSEDED
        if ended:
            self._notes.append("older than the end" + (", its variables were kept" if changed else ""))
            return Outcome.SUPERSEDED
        if changed or self._before.status is not SessionStatus.PERSISTED:
            return Outcome.PERSISTED
        return Outcome.SUPERSEDED if self._wholly_older() else Outcome.UNCHANGED

    def _wholly_older(self) -> bool:
        context = self._before.context
        if self._event.context is None:
            return False
        changes = self._event.context_changes()
        if not changes:
            return self._event.context_mode is ContextMode.REPLACE and self._stamp < context.floor
        return all(context.loses(name, self._stamp) for name in changes)

    def _fitted(self, before: LwwMap, context: LwwMap) -> Fitted:
        """The context within its limits; one that the event does not change is not checked again."""
        policies = self._policies
        if before is self._before.context and (context is before or context.document == before.document):
            return Fitted(context, context)
        variables = len(context.texts)
        if variables > policies.variables_max:
            detail = f"{variables} variables are over the limit of {policies.variables_max}"
            raise InvalidEvent((Violation(CONTEXT, "too_many_variables", detail),))
        sent = policies.sync.target is SyncTarget.MESSAGING_SESSIONS
        overhead = PERSISTENCE_BYTES if sent else None
        fitted = policies.size.fit(context, sync_overhead=overhead, before=self._before.context)
        if policies.schema is not any_document and (violations := policies.schema(fitted.readable.document)):
            raise InvalidEvent(violations)
        return fitted

    def _after(self, applied: _Applied, outcome: Outcome, *, changed: bool) -> SessionState:
        before, event, stamp = self._before, self._event, self._stamp
        kept_at_end = outcome is Outcome.ENDED and changed and self._context is not None
        persisted = outcome is Outcome.PERSISTED or kept_at_end
        ended_before = before.status is SessionStatus.ENDED and not before.lifecycle.is_tombstone
        newly_ended = outcome is Outcome.ENDED and not ended_before
        restarted = before.status is not SessionStatus.PERSISTED and not applied.lifecycle.ends
        ttl_seconds = self._ttl_before().updated(event.ttl_seconds, stamp)
        renews_only = ttl_seconds is before.ttl_seconds and not newly_ended and not restarted
        ended = bool(applied.lifecycle.ends)
        expires_at = self._policies.ttl.expires_at(self._now, ttl_seconds.value, ended=ended)
        after = SessionState(
            session_id=before.session_id,
            revision=before.revision + (1 if persisted or newly_ended else 0),
            persistence_id=event.persistence_id if persisted else before.persistence_id,
            created_at=self._now if restarted else before.created_at,
            updated_at=self._now if changed or persisted or newly_ended else before.updated_at,
            expires_at=max(before.expires_at, expires_at) if renews_only else expires_at,
            ttl_seconds=ttl_seconds,
            context=applied.context,
            lifecycle=applied.lifecycle,
            conversation_id=before.conversation_id.updated(event.conversation_id, stamp),
            participant=before.participant.updated(self._participant(), stamp),
            subject_id=before.subject_id.updated(event.subject_id, stamp),
            sync=before.sync,
        )
        sync = self._sync_after(after)
        return after if sync is before.sync else replace(after, sync=sync)

    def _participant(self) -> Participant | None:
        if self._event.participant_id is None:
            return None
        return Participant(self._event.conversation_id, self._event.participant_id)

    def _ttl_before(self) -> LwwRegister[int]:
        """The session's time to live; the default for one that is recreated after an erasure or an end."""
        if not self._before.lifecycle.is_tombstone:
            return self._before.ttl_seconds
        return LwwRegister(self._policies.ttl.default_seconds, self._before.lifecycle.erased)

    def _sync_after(self, after: SessionState) -> SyncState:
        policy = self._policies.sync
        if not policy.enabled:
            return after.sync if after.sync == _NEVER_SYNCED else _NEVER_SYNCED
        if not after.has_context or after.sync.queued:
            return after.sync
        changed = after.sync.after_change(after.fingerprint(policy.target), self._now)
        return changed.after_renewal(after.expires_at, after.ttl_seconds.value, policy.refresh_fraction)

    def _answer(self, after: SessionState, outcome: Outcome, pruned: Pruned) -> Decision:
        return Decision(
            state=after,
            audit=(*self._eviction(), self._entry(after, outcome)),
            outcome=outcome,
            pruned=pruned,
            context_ignored=self._context_ignored,
        )

    def _entry(self, after: SessionState, outcome: Outcome) -> AuditEntry:
        repeated_end = outcome is Outcome.ENDED and after.revision == self._before.revision
        action = AuditAction.SESSION_UNCHANGED if repeated_end else _ACTIONS[outcome]
        return entry_about(after, action, self._now, "; ".join(self._notes) or None)

    def _eviction(self) -> tuple[AuditEntry, ...]:
        return () if self._evicted is None else eviction_entries(self._evicted, self._now)
