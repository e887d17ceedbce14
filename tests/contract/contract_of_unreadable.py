"""What a store does with a record that cannot be read: it is left alone, evicted or erased."""

import asyncio

import pytest

from application.errors import SessionUnreadable
from application.ports.session_store import SessionStore
from domain.audit import AuditAction
from domain.decisions.decision import Decision
from domain.decisions.evict import decide_eviction, decide_eviction_unread
from domain.decisions.unreadable import DecideAnyway, UnreadableSession
from domain.ids import SessionId, SubjectId
from tests.contract.settling import Settling
from tests.contract.steps import Spoil, erasing, take, variables
from tests.factories import at, event, merge

S = SessionId("s")


class UnreadableContract(Settling):
    async def test_one_that_cannot_be_read_says_so_and_its_neighbours_are_served(
        self, store: SessionStore, spoil: Spoil
    ) -> None:
        for name in ("s", "other"):
            await take(store, event({"a": 1}, session_id=SessionId(name)))
        await spoil(store, "s")

        with pytest.raises(SessionUnreadable, match="99"):
            await store.read(S, at(0))
        bad, good = await asyncio.gather(
            *(take(store, merge({"b": 2}, session_id=SessionId(name))) for name in ("s", "other")),
            return_exceptions=True,
        )

        assert isinstance(bad, SessionUnreadable)
        assert isinstance(good, Decision)
        assert await variables(store, "other") == {"a", "b"}

    async def test_decide_anyway_is_told_what_the_columns_say(
        self, store: SessionStore, spoil: Spoil
    ) -> None:
        decision = await take(store, event({"a": 1}, subject_id="who", ttl_seconds=10))
        await spoil(store, "s")
        seen: list[UnreadableSession] = []

        answer = await store.update(S, DecideAnyway(_unreachable, seen.append))

        assert decision.state is not None
        (told,) = seen
        assert "99" in told.why
        assert told == UnreadableSession(
            session_id=S,
            revision=1,
            persistence_id=decision.state.persistence_id,
            expires_at=at(10),
            subject_id=SubjectId("who"),
            undelivered=True,
            why=told.why,
        )
        assert answer == Decision(state=None)
        with pytest.raises(SessionUnreadable):
            await store.read(S, at(0))

    async def test_it_is_evicted_when_it_has_expired_and_not_before(
        self, store: SessionStore, spoil: Spoil
    ) -> None:
        await take(store, event({"a": 1}, ttl_seconds=10))
        await spoil(store, "s")
        await self.settle()
        assert await store.expired(at(10), 10) == ["s"]

        early = await store.update(S, evicting(9))
        assert early.audit == ()
        await self.settle()
        assert await store.expired(at(10), 10) == ["s"]
        await store.update(S, evicting(10))

        await self.settle()
        assert await store.expired(at(10), 10) == []
        trail = await store.audit_trail(S, after=None, limit=10)
        assert trail.entries[-1].action is AuditAction.SESSION_EVICTED
        assert trail.entries[-1].revision == 1
        assert "could not be read" in (trail.entries[-1].reason or "")
        assert await take(store, event({"b": 1}), seconds=11)
        assert await variables(store, seconds=11) == {"b"}

    async def test_it_is_erased_with_its_trail_and_what_is_older_does_not_bring_it_back(
        self, store: SessionStore, spoil: Spoil
    ) -> None:
        await take(store, event({"a": 1}, subject_id="who"))
        await spoil(store, "s")
        await self.settle()
        assert await store.of_subject(SubjectId("who"), after=None, limit=10) == ["s"]

        erase = erasing("s", 1)
        await store.update(S, DecideAnyway(erase, lambda _: erase(None)))
        await take(store, event({"b": 1}, seconds=0.5), seconds=2)

        assert await variables(store, seconds=2) == set()
        await self.settle()
        assert await store.of_subject(SubjectId("who"), after=None, limit=10) == []
        trail = await store.audit_trail(S, after=None, limit=10)
        assert [entry.action for entry in trail.entries] == [AuditAction.SESSION_ERASED]

    async def test_what_is_decided_with_it_in_one_batch_goes_by_what_it_left(
        self, store: SessionStore, spoil: Spoil
    ) -> None:
        await take(store, event({"a": 1}, ttl_seconds=10))
        await spoil(store, "s")

        before, _, after = await asyncio.gather(
            take(store, merge({"b": 1}), seconds=11),
            store.update(S, evicting(11)),
            take(store, merge({"c": 1}), seconds=11),
            return_exceptions=True,
        )

        assert isinstance(before, SessionUnreadable)
        assert isinstance(after, Decision)
        assert await variables(store, seconds=11) == {"c"}


def evicting(seconds: float) -> DecideAnyway:
    return DecideAnyway(
        lambda before: decide_eviction(before, at(seconds)),
        lambda before: decide_eviction_unread(before, at(seconds)),
    )


def _unreachable(_: object) -> Decision:
    raise AssertionError
