"""What a store does for one session at a time."""

import asyncio
import random
from collections.abc import Awaitable

import pytest

from application.ports.session_store import SessionStore
from domain.audit import AuditAction
from domain.context.variables import ContextVariables
from domain.decisions.decision import Decision, Outcome
from domain.decisions.evict import decide_eviction
from domain.ids import SessionId
from domain.session.lifecycle import SessionStatus
from domain.session.state import SessionState
from tests.contract.settling import Settling
from tests.contract.steps import POLICIES, deciding, erase, take, variables
from tests.factories import at, end, event, merge


class SessionContract(Settling):
    async def test_an_unknown_session_is_absent_and_decide_is_given_none(self, store: SessionStore) -> None:
        seen: list[SessionState | None] = []

        def decide(before: SessionState | None) -> Decision:
            seen.append(before)
            return Decision(state=before)

        await store.update(SessionId("s"), decide)

        assert seen == [None]
        assert await store.read(SessionId("s"), at(0)) is None

    async def test_what_was_decided_is_read_back_equal(self, store: SessionStore) -> None:
        rich = {"text": 'ü " \\ \u2028 😀', "list": [1, 2.5, None, True], "nested": {"b": {}, "a": []}, "": 0}
        first = event(
            rich,
            seconds=0,
            conversation_id="c",
            participant_id="p",
            subject_id="who",
            ttl_seconds=77,
        )
        await take(store, first)
        await take(store, merge({"text": None, "more": "x" * 5000}, seconds=1))
        decision = await take(store, end(seconds=2))

        read = await store.read(SessionId("s"), at(3))

        assert read == decision.state
        assert read is not None
        assert read.revision == 3
        assert read.context.tombstones.keys() == {"text"}

    async def test_decide_is_given_the_state_that_was_written_last(self, store: SessionStore) -> None:
        first = await take(store, event({"a": 1}))
        seen: list[SessionState | None] = []

        def decide(before: SessionState | None) -> Decision:
            seen.append(before)
            return Decision(state=before)

        decision = await store.update(SessionId("s"), decide)

        assert seen == [first.state]
        assert decision.state == first.state

    async def test_an_expired_session_is_not_read_but_shown_to_decide(self, store: SessionStore) -> None:
        await take(store, event({"a": 1}, ttl_seconds=10))
        assert await store.read(SessionId("s"), at(9.999)) is not None

        assert await store.read(SessionId("s"), at(10)) is None
        decision = await take(store, event({"b": 2}), seconds=11)

        assert [entry.action for entry in decision.audit] == [
            AuditAction.SESSION_EVICTED,
            AuditAction.SESSION_PERSISTED,
        ]

    async def test_a_state_of_none_removes_the_record_and_keeps_the_trail(self, store: SessionStore) -> None:
        await take(store, event({"a": 1}, ttl_seconds=1))

        await store.update(SessionId("s"), lambda before: decide_eviction(before, at(2)))

        await self.settle()
        assert await store.expired(at(1000), 10) == []
        trail = await store.audit_trail(SessionId("s"), after=None, limit=10)
        assert [entry.action for entry in trail.entries] == [
            AuditAction.SESSION_PERSISTED,
            AuditAction.SESSION_EVICTED,
        ]

    async def test_what_decide_raises_reaches_its_caller_and_changes_nothing(
        self, store: SessionStore
    ) -> None:
        await take(store, event({"a": 1}))

        def decide(_: SessionState | None) -> Decision:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await store.update(SessionId("s"), decide)

        read = await store.read(SessionId("s"), at(0))
        assert read is not None
        assert read.revision == 1

    async def test_one_bad_decision_does_not_fail_its_neighbours(self, store: SessionStore) -> None:
        def bad(_: SessionState | None) -> Decision:
            raise ZeroDivisionError

        updates: list[Awaitable[Decision]] = []
        for number in range(30):
            session_id = SessionId(f"s{number % 3}")
            good = merge({f"v{number}": 1}, session_id=session_id)
            updates.append(store.update(session_id, bad if number % 5 == 0 else deciding(good)))
        answers = await asyncio.gather(*updates, return_exceptions=True)

        assert [isinstance(answer, ZeroDivisionError) for answer in answers] == [
            number % 5 == 0 for number in range(30)
        ]
        for name in ("s0", "s1", "s2"):
            read = await store.read(SessionId(name), at(0))
            assert read is not None
            assert len(read.context.texts) == 8

    async def test_every_session_id_that_the_contract_allows_is_kept_apart(self, store: SessionStore) -> None:
        names = ["a", "A", "a.b", "a_b", "a-b", "a:b", "0", "x" * 128]
        for name in names:
            await take(store, event({"name": name}, session_id=SessionId(name)))

        for name in names:
            read = await store.read(SessionId(name), at(0))
            assert read is not None
            assert read.context.document == ContextVariables.from_json({"name": name}).document

    async def test_nul_and_every_other_character_survive(self, store: SessionStore) -> None:
        text = "".join(chr(point) for point in [*range(0x20), 0x7F, 0x85, 0x2028, 0xFFFE, 0xFFFF, 0x10FFFF])
        await take(store, event({"text": text, f"name{text}": 1}))

        read = await store.read(SessionId("s"), at(0))

        assert read is not None
        assert read.context.document == ContextVariables.from_json({"text": text, f"name{text}": 1}).document

    async def test_moments_are_kept_to_the_microsecond(self, store: SessionStore) -> None:
        decision = await take(store, event({"a": 1}, seconds=0.000_001), seconds=1.123_457)

        read = await store.read(SessionId("s"), at(2))

        assert read is not None
        assert read == decision.state
        assert read.created_at.microsecond == 123_457

    @pytest.mark.parametrize("size", [100, 2_000, 8_000])
    async def test_contexts_of_every_size_come_back_byte_for_byte(
        self, store: SessionStore, size: int
    ) -> None:
        hard_to_pack = random.Random(size).randbytes(size // 2).hex()
        await take(store, event({"hard": hard_to_pack[: size // 2], "easy": "x" * (size // 2)}))

        read = await store.read(SessionId("s"), at(0))

        assert read is not None
        assert read.context.document == (
            b'{"easy":"%b","hard":"%b"}' % (b"x" * (size // 2), hard_to_pack[: size // 2].encode())
        )

    async def test_an_erased_session_is_read_as_a_trace_until_it_is_forgotten(
        self, store: SessionStore
    ) -> None:
        await take(store, event({"a": 1}, seconds=0))
        await erase(store, "s", 1)

        read = await store.read(SessionId("s"), at(2))
        assert read is not None
        assert read.status is SessionStatus.ERASED
        assert read.context.document == b"{}"

        late = await take(store, event({"a": 2}, seconds=0.5), seconds=2)
        assert late.outcome is Outcome.SUPERSEDED
        assert await store.read(SessionId("s"), at(POLICIES.ttl.erased_seconds)) is not None
        assert await store.read(SessionId("s"), at(POLICIES.ttl.erased_seconds + 1)) is None

    async def test_an_erasure_outlives_the_session_that_began_anew(self, store: SessionStore) -> None:
        await take(store, event({"a": 1}, seconds=0))
        await erase(store, "s", 1)
        await take(store, event({"b": 1}, seconds=2, ttl_seconds=10), seconds=2)
        assert await variables(store, seconds=2) == {"b"}

        await store.update(SessionId("s"), lambda before: decide_eviction(before, at(100)))
        late = await take(store, event({"a": 2}, seconds=0.5), seconds=101)

        assert late.outcome is Outcome.SUPERSEDED
        assert await variables(store, seconds=101) == set()

    async def test_an_end_outlives_the_session_that_it_ended(self, store: SessionStore) -> None:
        await take(store, event({"a": 1}, seconds=0))
        await take(store, end(seconds=1, ttl_seconds=10), seconds=1)
        assert await variables(store, seconds=2) == {"a"}

        await store.update(SessionId("s"), lambda before: decide_eviction(before, at(100)))
        late = await take(store, event({"a": 2}, seconds=0.5), seconds=101)

        assert late.outcome is Outcome.SUPERSEDED
        assert await variables(store, seconds=101) == set()
        until = POLICIES.ttl.tombstone_seconds + 1
        await self.settle()
        assert await store.expired(at(until - 1), 10) == []
        assert await store.expired(at(until), 10) == ["s"]

    async def test_a_decision_that_changes_nothing_leaves_nothing_behind(self, store: SessionStore) -> None:
        first = await take(store, event({"a": 1}))

        await store.update(SessionId("s"), lambda before: Decision(state=before))
        await store.update(SessionId("nobody"), lambda before: Decision(state=before))

        assert await store.read(SessionId("s"), at(0)) == first.state
        assert await store.read(SessionId("nobody"), at(0)) is None
        await self.settle()
        assert await store.audit_count() == 1
