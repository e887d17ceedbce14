"""What every SessionStore does. A behaviour of a store that is not here is no behaviour."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime

import pytest

from application.ports import SessionStore
from domain.audit import AuditAction
from domain.context import ContextVariables
from domain.decisions import Decide, Decision, Policies
from domain.erasure import decide_erasure
from domain.event_decision import decide_event
from domain.events import SessionEvent
from domain.eviction import decide_eviction
from domain.identity import ClaimToken, SessionId, SubjectId
from domain.session import SessionState
from domain.sync import SyncFailure, SyncReceipt
from domain.sync_decisions import decide_claim, decide_refused, decide_told
from tests.factories import at, end, event, merge, persistence_id

POLICIES = Policies()
OpenStore = Callable[[], AbstractAsyncContextManager[SessionStore]]


def deciding(what: SessionEvent, seconds: float = 0) -> Decide:
    return lambda before: decide_event(before, what, POLICIES, at(seconds))


async def take(store: SessionStore, what: SessionEvent, seconds: float = 0) -> Decision:
    return await store.update(what.session_id, deciding(what, seconds))


async def claim(store: SessionStore, session_id: str, token: str, now: datetime) -> Decision:
    return await store.update(
        SessionId(session_id),
        lambda before: decide_claim(before, token=ClaimToken(token), policy=POLICIES.sync, now=now),
    )


class SessionStoreContract:
    """Subclass it and give `open_store`: each call opens the same store, as another process would."""

    @pytest.fixture
    def open_store(self) -> OpenStore:
        raise NotImplementedError

    @pytest.fixture
    async def store(self, open_store: OpenStore):  # noqa: ANN201
        async with open_store() as store:
            yield store

    # one session

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

        assert await store.expired(at(1000), 10) == []
        trail = await store.audit_trail(SessionId("s"), after=0, limit=10)
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

    # races

    async def test_concurrent_merges_of_one_session_are_all_there(self, store: SessionStore) -> None:
        decisions = await asyncio.gather(*(take(store, merge({f"v{n}": n})) for n in range(200)))

        read = await store.read(SessionId("s"), at(0))
        assert read is not None
        assert read.context.texts.keys() == {f"v{n}" for n in range(200)}
        assert sorted(d.state.revision for d in decisions if d.state) == list(range(1, 201))

    async def test_two_openings_of_one_store_do_not_lose_each_others_merges(
        self, open_store: OpenStore
    ) -> None:
        async with open_store() as one, open_store() as other:
            await asyncio.gather(
                *(
                    take(store, merge({f"{side}{n}": n}))
                    for n in range(100)
                    for side, store in (("a", one), ("b", other))
                )
            )

            for store in (one, other):
                read = await store.read(SessionId("s"), at(0))
                assert read is not None
                assert len(read.context.texts) == 200
                assert read.revision == 200

    async def test_shuffled_and_repeated_events_end_in_the_same_bytes(self, open_store: OpenStore) -> None:
        shuffle = random.Random(7)
        events = [
            *(merge({f"v{n % 4}": n}, seconds=n) for n in range(10)),
            event({"base": 1}, seconds=3.5),
            merge({"v1": None}, seconds=8),
            end(seconds=4.5),
        ]
        documents = set()
        async with open_store() as one, open_store() as other:
            for round_number in range(8):
                session_id = SessionId(f"round-{round_number}")
                delivered = [replace(e, session_id=session_id) for e in [*events, *events]]
                shuffle.shuffle(delivered)
                await asyncio.gather(
                    *(take(shuffle.choice([one, other]), each, seconds=20) for each in delivered)
                )
                read = await one.read(session_id, at(20))
                assert read is not None
                documents.add(read.context.document)

        assert documents == {b'{"v0":8,"v1":9,"v2":6,"v3":7}'}

    async def test_many_sessions_at_once_each_get_their_own_answer(self, store: SessionStore) -> None:
        decisions = await asyncio.gather(
            *(take(store, event({"n": n}, session_id=SessionId(f"s{n}"))) for n in range(300))
        )

        for number, decision in enumerate(decisions):
            assert decision.state is not None
            assert decision.state.session_id == f"s{number}"
            assert decision.state.context.document == b'{"n":%d}' % number

    async def test_a_caller_that_gives_up_takes_nobody_with_it(self, store: SessionStore) -> None:
        tasks = [asyncio.create_task(take(store, merge({f"v{n}": n}))) for n in range(50)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)

        read = await store.read(SessionId("s"), at(0))
        assert read is not None
        acknowledged = {f"v{n}" for n, answer in enumerate(answers) if isinstance(answer, Decision)}
        assert acknowledged >= {f"v{n}" for n in range(1, 50, 2)}
        assert acknowledged <= read.context.texts.keys()

    # the trail

    async def test_the_trail_is_paged_oldest_first(self, store: SessionStore) -> None:
        for number in range(5):
            await take(store, merge({f"v{number}": number}))
        first = await store.audit_trail(SessionId("s"), after=0, limit=2)
        assert first.next_after is not None
        second = await store.audit_trail(SessionId("s"), after=first.next_after, limit=2)
        assert second.next_after is not None
        third = await store.audit_trail(SessionId("s"), after=second.next_after, limit=2)

        assert third.next_after is None
        entries = [*first.entries, *second.entries, *third.entries]
        assert [entry.revision for entry in entries] == [1, 2, 3, 4, 5]

    async def test_an_entry_is_given_back_as_it_was_written(self, store: SessionStore) -> None:
        decision = await take(store, event({"a": 1}, seconds=10_000))

        trail = await store.audit_trail(SessionId("s"), after=0, limit=10)

        assert trail.entries == decision.audit
        assert trail.entries[0].reason is not None

    async def test_audit_entries_without_a_change_of_state_are_written(self, store: SessionStore) -> None:
        entry = (await take(store, event({"a": 1}))).audit[0]
        note = replace(entry, action=AuditAction.SESSION_PERSISTENCE_FAILURE, reason="why")

        await store.update(SessionId("s"), lambda before: Decision(state=before, audit=(note,)))
        unknown = replace(note, session_id=SessionId("unknown"), revision=None, persistence_id=None)
        await store.update(SessionId("unknown"), lambda before: Decision(state=before, audit=(unknown,)))

        assert (await store.audit_trail(SessionId("s"), after=0, limit=10)).entries == (entry, note)
        assert (await store.audit_trail(SessionId("unknown"), after=0, limit=10)).entries == (unknown,)
        assert await store.audit_count() == 3

    async def test_an_erasure_leaves_only_its_own_entry(self, store: SessionStore) -> None:
        await take(store, event({"a": 1}, subject_id="who"))
        await take(store, event({"a": 1}, session_id=SessionId("other")))
        assert await store.of_subject(SubjectId("who"), 10) == ["s"]

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

        trail = await store.audit_trail(SessionId("s"), after=0, limit=10)
        assert [entry.action for entry in trail.entries] == [AuditAction.SESSION_ERASED]
        assert len((await store.audit_trail(SessionId("other"), after=0, limit=10)).entries) == 1
        assert await store.of_subject(SubjectId("who"), 10) == []
        assert await store.audit_count() == 2

    async def test_old_entries_are_forgotten_in_lots(self, store: SessionStore) -> None:
        for number in range(5):
            await take(store, merge({f"v{number}": number}), seconds=number)
        assert await store.audit_count() == 5

        assert await store.forget_audit(at(3), 2) == 2
        assert await store.forget_audit(at(3), 2) == 1
        assert await store.forget_audit(at(3), 2) == 0

        trail = await store.audit_trail(SessionId("s"), after=0, limit=10)
        assert [entry.revision for entry in trail.entries] == [4, 5]
        assert await store.audit_count() == 2

    # what is to be done

    async def test_live_sessions_are_due_before_ended_ones_and_the_longest_waiting_first(
        self, store: SessionStore
    ) -> None:
        for number, name in enumerate(["ended-early", "live-late", "live-early"]):
            await take(store, event({"a": 1}, session_id=SessionId(name)), seconds=[0, 2, 1][number])
        await take(store, end(session_id=SessionId("ended-early"), seconds=3), seconds=3)

        assert await store.due_for_sync(at(3), 10) == ["live-early", "live-late", "ended-early"]
        assert await store.due_for_sync(at(3), 1) == ["live-early"]
        assert await store.due_for_sync(at(1.5), 10) == ["live-early", "ended-early"]

    async def test_a_claimed_session_is_due_again_only_when_its_lease_has_run_out(
        self, store: SessionStore
    ) -> None:
        await take(store, event({"a": 1}))
        assert await store.due_for_sync(at(0), 10) == ["s"]

        first = await claim(store, "s", "one", at(0))
        second = await claim(store, "s", "two", at(0))

        assert first.state is not None
        assert first.state.sync.claim == "one"
        assert second.state == first.state
        assert await store.due_for_sync(at(59), 10) == []
        assert await store.due_for_sync(at(60), 10) == ["s"]

    async def test_many_that_want_one_claim_leave_one_winner(self, open_store: OpenStore) -> None:
        async with open_store() as one, open_store() as other:
            await take(one, event({"a": 1}))

            decisions = await asyncio.gather(
                *(claim([one, other][n % 2], "s", f"token-{n}", at(0)) for n in range(40))
            )

            winners = {decision.state.sync.claim for decision in decisions if decision.state}
            assert len(winners) == 1

    async def test_a_session_that_was_told_is_not_due_until_it_changes(self, store: SessionStore) -> None:
        await take(store, event({"a": 1}))
        claimed = (await claim(store, "s", "one", at(1))).state
        assert claimed is not None
        receipt = SyncReceipt(
            fingerprint=claimed.fingerprint(POLICIES.sync.target),
            expires_at=claimed.expires_at,
            synced_at=at(2),
            participant=("c", "p"),
        )

        await store.update(
            SessionId("s"),
            lambda before: decide_told(
                before, token=ClaimToken("one"), receipt=receipt, policy=POLICIES.sync, now=at(2)
            ),
        )

        assert await store.due_for_sync(at(100), 10) == []
        assert (await store.backlog(at(100))).due == 0
        await take(store, event({"a": 2}), seconds=3)
        assert await store.due_for_sync(at(3), 10) == ["s"]

    async def test_an_expired_session_is_not_due(self, store: SessionStore) -> None:
        await take(store, event({"a": 1}, ttl_seconds=10))
        assert await store.due_for_sync(at(9), 10) == ["s"]

        assert await store.due_for_sync(at(10), 10) == []
        assert (await store.backlog(at(10))).due == 0

    async def test_the_backlog_counts_due_and_failed_sessions(self, store: SessionStore) -> None:
        for name in ("one", "two", "three"):
            await take(store, event({"a": 1}, session_id=SessionId(name)), seconds=len(name))
        claimed = (await claim(store, "two", "token", at(10))).state
        assert claimed is not None
        await store.update(
            SessionId("two"),
            lambda before: decide_refused(
                before,
                token=ClaimToken("token"),
                sent=claimed.fingerprint(POLICIES.sync.target),
                failure=SyncFailure(code="bad.request", reason="refused", status=400, context_id="x"),
                policy=POLICIES.sync,
                now=at(10),
            ),
        )

        backlog = await store.backlog(at(10))

        assert (backlog.due, backlog.oldest_due_at, backlog.failed) == (2, at(3), 1)

    async def test_expired_records_are_found_in_lots(self, store: SessionStore) -> None:
        for number in range(5):
            one = event({"a": 1}, session_id=SessionId(f"s{number}"), ttl_seconds=number + 1)
            await take(store, one)

        assert set(await store.expired(at(3), 10)) == {"s0", "s1", "s2"}
        assert len(await store.expired(at(3), 2)) == 2
        assert await store.expired(at(0), 10) == []

    async def test_records_of_a_subject_are_found(self, store: SessionStore) -> None:
        for number in range(5):
            one = event({}, session_id=SessionId(f"s{number}"), subject_id="odd" if number % 2 else "even")
            await take(store, one)

        assert set(await store.of_subject(SubjectId("odd"), 10)) == {"s1", "s3"}
        assert len(await store.of_subject(SubjectId("even"), 2)) == 2
        assert await store.of_subject(SubjectId("nobody"), 10) == []
