import pytest
from msgspec.structs import replace

from adapters.memory.store import MemorySessionStore
from application.errors import StoreUnavailable
from application.use_cases.erase_session import EraseSessionHandler, EraseSubject, EraseSubjectHandler
from domain.decisions.decision import Decide, Decision, Policies
from domain.decisions.evict import decide_eviction
from domain.ids import SessionId, SubjectId
from tests.contract.steps import NEWER_LEDGER, take, variables
from tests.factories import at, event
from tests.fakes import FakeClock, FakeIds, FakeMetrics


class FailingStore(MemorySessionStore):
    """Updates of some sessions fail, as a busy row or a damaged page would."""

    def __init__(self) -> None:
        super().__init__()
        self.failing: set[str] = set()
        self.tries: list[str] = []

    async def update(self, session_id: SessionId, decide: Decide) -> Decision:
        self.tries.append(session_id)
        if session_id in self.failing:
            raise StoreUnavailable("a damaged page")
        return await super().update(session_id, decide)

    def spoil(self, session_id: str) -> None:
        record = self._records[SessionId(session_id)]
        self._records[SessionId(session_id)] = replace(record, ledger=NEWER_LEDGER)


@pytest.fixture
async def store() -> FailingStore:
    store = FailingStore()
    for number in range(6):
        await take(store, event({"a": 1}, session_id=SessionId(f"s{number}"), subject_id="ann"))
    await take(store, event({"a": 1}, session_id=SessionId("of-bob"), subject_id="bob"))
    store.tries.clear()
    return store


def erasing(store: FailingStore) -> EraseSubjectHandler:
    erase_session = EraseSessionHandler(
        store=store, clock=FakeClock(), ids=FakeIds(), metrics=FakeMetrics(), policies=Policies()
    )
    return EraseSubjectHandler(store=store, erase_session=erase_session)


ANN = EraseSubject(subject_id=SubjectId("ann"))


async def test_records_that_cannot_be_read_are_erased_with_the_others(store: FailingStore) -> None:
    store.spoil("s0")
    store.spoil("s3")

    done = await erasing(store)(ANN)

    assert (done.erased, done.failed) == (6, {})
    assert await store.of_subject(SubjectId("ann"), after=None, limit=10) == []
    assert await variables(store, "of-bob") == {"a"}


async def test_one_that_fails_keeps_no_other_from_being_erased_and_is_named(store: FailingStore) -> None:
    store.failing = {"s0", "s4"}

    done = await erasing(store)(ANN)

    assert done.erased == 4
    assert done.failed == {"s0": "a damaged page", "s4": "a damaged page"}
    assert store.tries == [f"s{number}" for number in range(6)]
    assert await store.of_subject(SubjectId("ann"), after=None, limit=10) == ["s0", "s4"]


async def test_a_store_that_is_away_is_not_asked_for_each_of_them(store: FailingStore) -> None:
    for number in range(50):
        await take(store, event({"a": 1}, session_id=SessionId(f"t{number}"), subject_id="ann"))
    store.tries.clear()
    store.failing = {f"{kind}{number}" for kind in "st" for number in range(50)}

    with pytest.raises(StoreUnavailable):
        await erasing(store)(ANN)

    assert len(store.tries) == 20


async def test_the_trail_of_a_session_that_was_evicted_is_erased_too(store: FailingStore) -> None:
    gone = SessionId("s1")
    await store.update(gone, lambda before: decide_eviction(before, at(100_000)))
    trail = await store.audit_trail(gone, after=None, limit=10)
    assert [entry.action for entry in trail.entries] == ["SESSION_PERSISTED", "SESSION_EVICTED"]

    done = await erasing(store)(ANN)

    assert (done.erased, done.failed) == (6, {})
    trail = await store.audit_trail(gone, after=None, limit=10)
    assert [entry.action for entry in trail.entries] == ["SESSION_ERASED"]
