"""What failed for good is listed by reason, and put back by an operator."""

from functools import partial

import pytest

from adapters.memory.store import MemorySessionStore
from application.use_cases.retry_syncs import ListFailedSyncsHandler, RetrySyncs, RetrySyncsHandler
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Policies
from domain.decisions.sync import decide_claim, decide_refused
from domain.ids import ClaimToken, SessionId
from domain.sync.state import SyncFailure, SyncStatus
from tests.contract.steps import due
from tests.factories import at, event
from tests.fakes import FakeClock

POLICIES = Policies()


@pytest.fixture
async def store() -> MemorySessionStore:
    """Sessions a, b and c that failed, d that is only due."""
    store = MemorySessionStore()
    codes = {"a": "bad.request", "b": "not.found", "c": "bad.request", "d": None}
    for number, (name, code) in enumerate(codes.items()):
        session_id = SessionId(name)
        change, moment = event({"n": number}, session_id=session_id), at(number)
        await store.update(session_id, partial(decide_event, event=change, policies=POLICIES, now=moment))
        if code is None:
            continue
        token = ClaimToken(f"token-{name}")
        claimed = await store.update(
            session_id,
            partial(decide_claim, token=token, policy=POLICIES.sync, now=moment),
        )
        assert claimed.state is not None
        sent = claimed.state.fingerprint(POLICIES.sync.target)
        failure = SyncFailure(code=code, reason="refused", status=400)
        await store.update(
            session_id,
            partial(
                decide_refused,
                token=token,
                sent=sent,
                failure=failure,
                policy=POLICIES.sync,
                now=moment,
            ),
        )
    return store


async def retried(store: MemorySessionStore, command: RetrySyncs) -> list[SessionId]:
    handler = RetrySyncsHandler(store=store, clock=FakeClock(at(10)))
    return [session_id async for session_id in handler(command)]


async def test_failures_are_listed_by_code_with_the_oldest(store: MemorySessionStore) -> None:
    classes = await ListFailedSyncsHandler(store=store, clock=FakeClock(at(10)))()

    assert [(one.code, one.count, one.oldest) for one in classes] == [
        ("bad.request", 2, at(0)),
        ("not.found", 1, at(1)),
    ]


async def test_all_of_one_reason_are_put_back_and_are_due_at_once(store: MemorySessionStore) -> None:
    assert await due(store, at(10)) == ["d"]

    assert await retried(store, RetrySyncs(code="bad.request")) == ["a", "c"]

    assert await due(store, at(10)) == ["d", "a", "c"]
    state = await store.read(SessionId("a"), at(10))
    assert state is not None
    assert state.sync.status is SyncStatus.PENDING
    trail = await store.audit_trail(SessionId("a"), after=None, limit=10)
    assert trail.entries[-1].action == "SESSION_SYNC_RETRIED"
    assert trail.entries[-1].reason is not None
    assert "bad.request" in trail.entries[-1].reason


async def test_all_are_put_back_and_a_second_time_there_is_nothing_left(store: MemorySessionStore) -> None:
    assert await retried(store, RetrySyncs()) == ["a", "b", "c"]

    assert await retried(store, RetrySyncs()) == []


async def test_a_dry_run_names_them_and_changes_nothing(store: MemorySessionStore) -> None:
    assert await retried(store, RetrySyncs(dry_run=True)) == ["a", "b", "c"]

    assert await due(store, at(10)) == ["d"]
    assert len((await store.audit_trail(SessionId("a"), after=None, limit=10)).entries) == 2


async def test_by_id_only_those_that_failed_are_put_back(store: MemorySessionStore) -> None:
    chosen = (SessionId("b"), SessionId("d"), SessionId("unknown"))

    assert await retried(store, RetrySyncs(session_ids=chosen)) == ["b"]
