"""What a store does with the audit trail."""

import asyncio
from dataclasses import replace

import pytest

from application.errors import UnknownCursor
from application.ports.session_store import SessionStore
from domain.audit import AuditAction, AuditEntry
from domain.decisions.decision import Decision
from domain.decisions.erase import decide_erasure
from domain.decisions.evict import decide_eviction
from domain.ids import SessionId, SubjectId
from tests.contract.settling import Settling
from tests.contract.steps import POLICIES, OpenStore, erase, take, variables
from tests.factories import at, event, merge, persistence_id


class TrailContract(Settling):
    async def test_the_trail_is_paged_oldest_first(self, store: SessionStore) -> None:
        for number in range(5):
            await take(store, merge({f"v{number}": number}))
        first = await store.audit_trail(SessionId("s"), after=None, limit=2)
        assert first.next_after is not None
        second = await store.audit_trail(SessionId("s"), after=first.next_after, limit=2)
        assert second.next_after is not None
        third = await store.audit_trail(SessionId("s"), after=second.next_after, limit=2)

        assert third.next_after is None
        entries = [*first.entries, *second.entries, *third.entries]
        assert [entry.revision for entry in entries] == [1, 2, 3, 4, 5]

    async def test_an_entry_is_given_back_as_it_was_written(self, store: SessionStore) -> None:
        decision = await take(store, event({"a": 1}, seconds=10_000))

        trail = await store.audit_trail(SessionId("s"), after=None, limit=10)

        assert trail.entries == decision.audit
        assert trail.entries[0].reason is not None

    async def test_audit_entries_without_a_change_of_state_are_written(self, store: SessionStore) -> None:
        entry = (await take(store, event({"a": 1}))).audit[0]
        note = replace(entry, action=AuditAction.SESSION_PERSISTENCE_FAILURE, reason="why")

        await store.update(SessionId("s"), lambda before: Decision(state=before, audit=(note,)))
        unknown = replace(note, session_id=SessionId("unknown"), revision=None, persistence_id=None)
        await store.update(SessionId("unknown"), lambda before: Decision(state=before, audit=(unknown,)))

        assert (await store.audit_trail(SessionId("s"), after=None, limit=10)).entries == (entry, note)
        assert (await store.audit_trail(SessionId("unknown"), after=None, limit=10)).entries == (unknown,)
        await self.settle()
        assert await store.audit_count() == 3

    async def test_an_erasure_leaves_only_its_own_entry(self, store: SessionStore) -> None:
        await take(store, event({"a": 1}, subject_id="who"))
        await take(store, event({"a": 1}, session_id=SessionId("other")))
        await self.settle()
        assert await store.of_subject(SubjectId("who"), after=None, limit=10) == ["s"]

        await store.update(
            SessionId("s"),
            lambda before: decide_erasure(
                before,
                session_id=SessionId("s"),
                persistence_id=persistence_id(),
                policies=POLICIES,
                now=at(1),
            ),
        )

        trail = await store.audit_trail(SessionId("s"), after=None, limit=10)
        assert [entry.action for entry in trail.entries] == [AuditAction.SESSION_ERASED]
        assert len((await store.audit_trail(SessionId("other"), after=None, limit=10)).entries) == 1
        await forget_erased(store)
        await self.settle()
        assert await store.of_subject(SubjectId("who"), after=None, limit=10) == []
        assert await store.audit_count() == 2

    async def test_what_was_erased_is_never_shown_again_and_goes_in_pieces(self, store: SessionStore) -> None:
        """Also when the session begins anew, and when its record goes, before all of it is deleted."""
        for number in range(9):
            await take(store, merge({f"v{number}": number}, ttl_seconds=10))
        page = await store.audit_trail(SessionId("s"), after=None, limit=2)
        await erase(store, "s", 1)
        await take(store, event({"a": 1}, seconds=2, ttl_seconds=10), seconds=2)

        pieces = [await store.forget_erased(2) for _ in range(2)]
        trail = await store.audit_trail(SessionId("s"), after=None, limit=100)
        followed = await store.audit_trail(SessionId("s"), after=page.next_after, limit=100)

        assert max(pieces) <= 2
        actions = [AuditAction.SESSION_ERASED, AuditAction.SESSION_PERSISTED]
        assert [entry.action for entry in trail.entries] == actions
        assert [entry.action for entry in followed.entries] == actions

        long_after = at(10_000_000)
        for _ in range(2):
            await store.update(SessionId("s"), lambda before: decide_eviction(before, long_after))
        trail = await store.audit_trail(SessionId("s"), after=None, limit=100)
        assert [entry.action for entry in trail.entries] == [*actions, AuditAction.SESSION_EVICTED]
        await forget_erased(store)
        await self.settle()
        assert await store.audit_count() == 3

    async def test_what_was_erased_twice_shows_the_second_erasure_alone(self, store: SessionStore) -> None:
        await take(store, event({"a": 1}))
        for seconds in (1, 2):
            await erase(store, "s", seconds)
        await forget_erased(store)

        trail = await store.audit_trail(SessionId("s"), after=None, limit=100)

        assert [entry.time for entry in trail.entries] == [at(2)]
        await forget_erased(store)
        await self.settle()
        assert await store.audit_count() == 1

    async def test_old_entries_are_forgotten_in_lots(self, store: SessionStore) -> None:
        for number in range(5):
            await take(store, merge({f"v{number}": number}), seconds=number)
        await self.settle()
        assert await store.audit_count() == 5

        assert await store.forget_audit(at(3), 2) == 2
        await self.settle()
        assert await store.forget_audit(at(3), 2) == 1
        await self.settle()
        assert await store.forget_audit(at(3), 2) == 0

        trail = await store.audit_trail(SessionId("s"), after=None, limit=10)
        assert [entry.revision for entry in trail.entries] == [4, 5]
        await self.settle()
        assert await store.audit_count() == 2

    async def test_a_page_that_ends_with_the_trail_has_nothing_after_it(self, store: SessionStore) -> None:
        for number in range(4):
            await take(store, merge({f"v{number}": number}))
        first = await store.audit_trail(SessionId("s"), after=None, limit=2)
        assert first.next_after is not None

        last = await store.audit_trail(SessionId("s"), after=first.next_after, limit=2)

        assert last.next_after is None
        assert [entry.revision for entry in last.entries] == [3, 4]
        assert (await store.audit_trail(SessionId("nobody"), after=None, limit=2)).entries == ()

    async def test_entries_written_at_once_keep_the_order_of_their_decisions(
        self, store: SessionStore
    ) -> None:
        await asyncio.gather(*(take(store, merge({f"v{n}": n})) for n in range(100)))

        trail = await store.audit_trail(SessionId("s"), after=None, limit=200)

        assert [entry.revision for entry in trail.entries] == list(range(1, 101))

    @pytest.mark.parametrize("wrong", ["", "0", "1", "-1", "x" * 5000, "AAAAAA", "ü", "a b", "\x00", "===="])
    async def test_what_no_page_gave_is_no_cursor(self, store: SessionStore, wrong: str) -> None:
        for name in ("s", "other"):
            for number in range(3):
                await take(store, merge({f"v{number}": number}, session_id=SessionId(name)))
        of_other = (await store.audit_trail(SessionId("other"), after=None, limit=1)).next_after
        assert of_other is not None

        for cursor in (wrong, of_other, of_other[:-1], of_other[::-1]):
            with pytest.raises(UnknownCursor):
                await store.audit_trail(SessionId("s"), after=cursor, limit=1)

    async def test_who_goes_from_page_to_page_while_others_write_is_given_every_entry_once(
        self, open_store: OpenStore
    ) -> None:
        """Entries that change nothing of the session are written without any order between processes."""
        seen: list[str | None] = []

        async def note(store: SessionStore, number: int) -> None:
            entry = AuditEntry(
                action=AuditAction.SESSION_PERSISTENCE_FAILURE,
                session_id=SessionId("s"),
                time=at(number),
                reason=str(number),
            )
            await store.update(SessionId("s"), lambda before: Decision(state=before, audit=(entry,)))

        async with open_store() as one, open_store() as other:
            writing = asyncio.gather(*(note([one, other][n % 2], n) for n in range(200)))
            after: str | None = None
            while True:
                written = writing.done()
                page = await one.audit_trail(SessionId("s"), after=after, limit=7)
                await asyncio.sleep(0)
                if page.next_after is None and not written:
                    continue  # the end for now
                seen += [entry.reason for entry in page.entries]
                if (after := page.next_after) is None:
                    break
            await writing

        assert sorted(seen, key=lambda reason: int(reason or 0)) == [str(number) for number in range(200)]

    async def test_forgetting_the_trail_leaves_the_session(self, store: SessionStore) -> None:
        await take(store, event({"a": 1}))
        await self.settle()
        assert await store.forget_audit(at(1), 10) == 1

        assert (await store.audit_trail(SessionId("s"), after=None, limit=10)).entries == ()
        assert await variables(store) == {"a"}
        await take(store, merge({"b": 1}))
        assert len((await store.audit_trail(SessionId("s"), after=None, limit=10)).entries) == 1


async def forget_erased(store: SessionStore) -> None:
    while await store.forget_erased(2):
        pass


async def check_that_a_trail_of_fifty_is_erased_in_lots(store: SessionStore) -> None:
    """The entries are hidden at once and deleted in lots: no write waits for a long trail to go."""
    await erase(store, "s", 1)

    assert await store.audit_count() == 51
    assert len((await store.audit_trail(SessionId("s"), after=None, limit=100)).entries) == 1
    assert [await store.forget_erased(30) for _ in range(3)] == [30, 20, 0]
    assert await store.audit_count() == 1
