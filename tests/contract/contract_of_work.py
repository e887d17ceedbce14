"""How a store finds what is to be done."""

import asyncio

from application.ports.session_store import EXPIRED_PARTS, SessionStore, SyncBacklog
from domain.audit import AuditAction
from domain.decisions.evict import decide_eviction
from domain.decisions.sync import decide_delivered, decide_postponed, decide_refused
from domain.ids import ClaimToken, SessionId, SubjectId
from domain.sync.state import SyncFailure, SyncLane, SyncReceipt
from tests.contract.settling import Settling
from tests.contract.steps import POLICIES, OpenStore, claim, due, erase, take, variables
from tests.factories import at, end, event


class WorkContract(Settling):
    async def test_each_lane_gives_its_own_sessions_and_the_longest_waiting_first(
        self, store: SessionStore
    ) -> None:
        for number, name in enumerate(["ended-early", "live-late", "live-early", "ended-late"]):
            await take(store, event({"a": 1}, session_id=SessionId(name)), seconds=[0, 2, 1, 2][number])
        for name in ("ended-late", "ended-early"):
            await take(store, end(session_id=SessionId(name), seconds=3), seconds=3)

        live, ended = SyncLane.LIVE, SyncLane.ENDED
        await self.settle()
        assert await store.due_for_sync(at(3), lane=live, limit=10) == ["live-early", "live-late"]
        assert await store.due_for_sync(at(3), lane=ended, limit=10) == ["ended-early", "ended-late"]
        assert await store.due_for_sync(at(3), lane=live, limit=1) == ["live-early"]
        assert await store.due_for_sync(at(3), lane=ended, limit=1) == ["ended-early"]
        assert await store.due_for_sync(at(1.5), lane=live, limit=10) == ["live-early"]

    async def test_a_claimed_session_is_due_again_only_when_its_lease_has_run_out(
        self, store: SessionStore
    ) -> None:
        await take(store, event({"a": 1}))
        await self.settle()
        assert await due(store, at(0)) == ["s"]

        first = await claim(store, "s", "one", at(0))
        second = await claim(store, "s", "two", at(0))

        assert first.state is not None
        assert first.state.sync.claim == "one"
        assert second.state == first.state
        await self.settle()
        assert await due(store, at(59)) == []
        assert await due(store, at(60)) == ["s"]

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
            lambda before: decide_delivered(
                before, token=ClaimToken("one"), receipt=receipt, policy=POLICIES.sync, now=at(2)
            ),
        )

        await self.settle()
        assert await due(store, at(100)) == []
        assert (await store.backlog(at(100))).due == 0
        await take(store, event({"a": 2}), seconds=3)
        await self.settle()
        assert await due(store, at(3)) == ["s"]

    async def test_an_expired_session_is_not_due(self, store: SessionStore) -> None:
        await take(store, event({"a": 1}, ttl_seconds=10))
        await self.settle()
        assert await due(store, at(9)) == ["s"]

        assert await due(store, at(10)) == []
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

        await self.settle()
        backlog = await store.backlog(at(10))

        assert (backlog.due, backlog.oldest_waiting_since, backlog.failed) == (2, at(3), 1)

    async def test_neither_a_lease_nor_a_back_off_hides_how_long_a_session_has_waited(
        self, store: SessionStore
    ) -> None:
        """In an outage every session is under a lease or backed off, and the figures must say so."""
        for number, name in enumerate(["leased", "backed-off", "untouched"]):
            await take(store, event({"a": 1}, session_id=SessionId(name)), seconds=number)
        await claim(store, "leased", "one", at(1800))
        await claim(store, "backed-off", "two", at(1800))
        failure = SyncFailure(code="no.answer", reason="away")
        await store.update(
            SessionId("backed-off"),
            lambda before: decide_postponed(before, token=ClaimToken("two"), until=at(1860), failure=failure),
        )

        await self.settle()
        backlog = await store.backlog(at(1801))

        assert backlog == SyncBacklog(due=3, oldest_waiting_since=at(0), failed=0)
        assert await due(store, at(1801)) == ["untouched"]

    async def test_expired_records_are_found_in_lots(self, store: SessionStore) -> None:
        for number in range(5):
            one = event({"a": 1}, session_id=SessionId(f"s{number}"), ttl_seconds=number + 1)
            await take(store, one)

        await self.settle()
        assert set(await store.expired(at(3), 10)) == {"s0", "s1", "s2"}
        assert len(await store.expired(at(3), 2)) == 2
        assert await store.expired(at(0), 10) == []

    async def test_the_parts_of_what_has_expired_are_together_all_of_it(self, open_store: OpenStore) -> None:
        async with open_store() as one, open_store() as other:
            names = {SessionId(f"s{number}") for number in range(200)}
            for name in names:
                await take(one, event({"a": 1}, session_id=name, ttl_seconds=1))

            await self.settle()
            parts = [await other.expired(at(1), 200, part=part) for part in range(EXPIRED_PARTS)]

            assert sorted(name for part in parts for name in part) == sorted(names)
            assert max(map(len, parts)) < 50
            assert set(await one.expired(at(1), 200, part=3)) == set(parts[3])
            assert await one.expired(at(0), 200, part=3) == []

    async def test_records_of_a_subject_are_found(self, store: SessionStore) -> None:
        for number in range(5):
            one = event({}, session_id=SessionId(f"s{number}"), subject_id="odd" if number % 2 else "even")
            await take(store, one)

        await self.settle()
        assert await store.of_subject(SubjectId("odd"), after=None, limit=10) == ["s1", "s3"]
        first = await store.of_subject(SubjectId("even"), after=None, limit=2)
        assert first == ["s0", "s2"]
        assert await store.of_subject(SubjectId("even"), after=first[-1], limit=2) == ["s4"]
        assert await store.of_subject(SubjectId("nobody"), after=None, limit=10) == []

    async def test_an_evicted_session_is_still_found_by_its_subject_while_its_trail_is_there(
        self, store: SessionStore
    ) -> None:
        """Else an erasure of the subject would leave the trails of what has been evicted."""
        for name in ("gone", "there", "anew", "of-another", "of-nobody"):
            subject_id = None if name == "of-nobody" else "who"
            ttl_seconds = 100 if name == "there" else 1
            what = event({}, session_id=SessionId(name), subject_id=subject_id, ttl_seconds=ttl_seconds)
            await take(store, what)
            await store.update(SessionId(name), lambda before: decide_eviction(before, at(1)))
        await take(store, event({}, session_id=SessionId("anew")), seconds=2)
        await take(store, event({}, session_id=SessionId("of-another"), subject_id="else"), seconds=2)

        who = SubjectId("who")
        await self.settle()
        assert await store.of_subject(who, after=None, limit=10) == ["anew", "gone", "there"]
        assert await store.of_subject(who, after=SessionId("anew"), limit=1) == ["gone"]

        await erase(store, "gone", 3)
        await self.settle()
        assert await store.of_subject(who, after=None, limit=10) == ["anew", "there"]
        trail = await store.audit_trail(SessionId("gone"), after=None, limit=10)
        assert [entry.action for entry in trail.entries] == [AuditAction.SESSION_ERASED]
        await self.settle()
        while await store.forget_audit(at(2), 100):
            await self.settle()
        await self.settle()
        assert await store.of_subject(who, after=None, limit=10) == ["there"]

    async def test_everything_that_expired_is_evicted_lot_by_lot(self, store: SessionStore) -> None:
        for number in range(25):
            await take(store, event({"a": 1}, session_id=SessionId(f"s{number}"), ttl_seconds=number + 1))

        lots = []
        await self.settle()
        while session_ids := await store.expired(at(20), 8):
            lots.append(len(session_ids))
            for session_id in session_ids:
                await store.update(session_id, lambda before: decide_eviction(before, at(20)))
            await self.settle()

        assert lots == [8, 8, 4]
        assert await variables(store, "s20", seconds=20) == {"a"}

    async def test_a_renewed_session_is_no_longer_expired(self, store: SessionStore) -> None:
        await take(store, event({"a": 1}, ttl_seconds=10))
        await self.settle()
        assert await store.expired(at(15), 10) == ["s"]

        await take(store, event({"a": 1}), seconds=9)

        await self.settle()
        assert await store.expired(at(15), 10) == []
        assert await store.expired(at(19), 10) == ["s"]

    async def test_a_failed_sync_that_becomes_due_again_is_no_failure_any_more(
        self, store: SessionStore
    ) -> None:
        await take(store, event({"a": 1}))
        claimed = (await claim(store, "s", "token", at(1))).state
        assert claimed is not None
        failure = SyncFailure(code="not.found", reason="refused")
        sent = claimed.fingerprint(POLICIES.sync.target)
        await store.update(
            SessionId("s"),
            lambda before: decide_refused(
                before, token=ClaimToken("token"), sent=sent, failure=failure, policy=POLICIES.sync, now=at(1)
            ),
        )
        await self.settle()
        assert await store.backlog(at(2)) == SyncBacklog(due=0, oldest_waiting_since=None, failed=1)

        await take(store, event({"a": 2}), seconds=2)

        await self.settle()
        assert await store.backlog(at(2)) == SyncBacklog(due=1, oldest_waiting_since=at(2), failed=0)

    async def test_a_session_that_ends_or_goes_leaves_the_lane_in_which_it_waited(
        self, store: SessionStore
    ) -> None:
        await take(store, event({"a": 1}))
        await take(store, event({"a": 1}, session_id=SessionId("gone")))
        await self.settle()
        assert set(await due(store, at(0))) == {"gone", "s"}

        await take(store, end(seconds=1), seconds=1)
        await erase(store, "gone", 1)

        await self.settle()
        assert await due(store, at(1)) == ["s"]
        assert (await store.backlog(at(1))).due == 1

    async def test_failed_syncs_are_counted_by_code_and_found_page_by_page(self, store: SessionStore) -> None:
        codes = {"s1": "bad.request", "s2": "not.found", "s3": "bad.request", "S0": "bad.request"}
        for number, (name, code) in enumerate(codes.items()):
            session_id = SessionId(name)
            ttl_seconds = 50 if name == "s3" else 500
            await take(store, event({}, session_id=session_id, ttl_seconds=ttl_seconds), seconds=number)
            await refuse(store, name, code, seconds=10)
        await take(store, event({"a": 1}, session_id=SessionId("due")))

        await self.settle()
        classes = {one.code: one for one in await store.failed_by_code(at(20))}
        pages = [await store.failed_syncs(at(20), code=None, after=None, limit=3)]
        pages.append(await store.failed_syncs(at(20), code=None, after=pages[0][-1], limit=3))

        assert {code: (one.count, one.oldest) for code, one in classes.items()} == {
            "bad.request": (3, at(0)),
            "not.found": (1, at(1)),
        }
        assert pages == [["S0", "s1", "s2"], ["s3"]]
        of_code = await store.failed_syncs(at(20), code="bad.request", after=None, limit=10)
        assert of_code == ["S0", "s1", "s3"]
        later = await store.failed_syncs(at(60), code="bad.request", after=None, limit=10)
        assert later == ["S0", "s1"]


async def refuse(store: SessionStore, name: str, code: str, *, seconds: float) -> None:
    """What is left of a session that Genesys refused."""
    claimed = (await claim(store, name, f"token-{name}", at(seconds))).state
    assert claimed is not None
    await store.update(
        SessionId(name),
        lambda before: decide_refused(
            before,
            token=ClaimToken(f"token-{name}"),
            sent=claimed.fingerprint(POLICIES.sync.target),
            failure=SyncFailure(code=code, reason="refused", status=400),
            policy=POLICIES.sync,
            now=at(seconds),
        ),
    )
