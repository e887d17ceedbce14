"""The same events in any order and any number end in the same state: that of applying them in order."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from adapters.storage.record import SessionRecord
from domain.context.variables import name_text
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Decision, Outcome, Policies
from domain.decisions.erase import decide_erasure
from domain.decisions.evict import decide_eviction
from domain.ids import SessionId
from domain.instants import from_microseconds
from domain.session.event import EndingContext
from domain.session.lifecycle import ENDS_KEPT_MAX, SessionStatus
from domain.session.state import SessionState
from domain.stamps import BEFORE_ALL, Stamp
from tests.contract.happenings import activities, deliveries, ends, examples
from tests.contract.reference_model import Happening, expected, seen
from tests.factories import START, at, persistence_id

POLICIES = Policies()
KEEPING = Policies(ending_context=EndingContext.KEEP)
AGO = st.sampled_from([0.0, 1.0, 2.0, 3.0, 4000.0])
"""Seconds between an event and its arrival; the last is more than a session lives."""


def stored(state: SessionState | None) -> SessionState | None:
    """The state as it comes back from a store."""
    return None if state is None else SessionRecord.of(state).state()


def delivered(
    arrivals: list[Happening], *, policies: Policies = POLICIES, seconds: float = 20
) -> SessionState | None:
    state: SessionState | None = None
    for place, one in enumerate(arrivals):
        before = stored(state)
        decision = decide_event(before, one.event(), policies, at(seconds + place))
        check_what_every_decision_keeps(before, decision)
        state = decision.state
    return stored(state)


def check_what_every_decision_keeps(before: SessionState | None, decision: Decision) -> None:
    after, outcome = decision.state, decision.outcome
    assert decision.refusal is None
    assert after is not None
    raised = after.revision - (0 if before is None else before.revision)
    if outcome is Outcome.PERSISTED:
        assert raised == 1
        assert before is None or after.persistence_id != before.persistence_id
    else:
        ended_before = before is not None and before.status is SessionStatus.ENDED
        if before is not None and before.lifecycle.is_tombstone:
            ended_before = after is before  # the end that is remembered, or an older one, told again
        kept = before is not None and after.persistence_id != before.persistence_id
        assert raised == (outcome is Outcome.ENDED and (kept or not ended_before))
        assert not kept or outcome is Outcome.ENDED
    if outcome is Outcome.UNCHANGED and before is not None:
        assert seen(after) == seen(before)
    if before is not None and outcome in {Outcome.UNCHANGED, Outcome.SUPERSEDED}:
        assert after.expires_at >= before.expires_at


@pytest.mark.parametrize("policies", [POLICIES, KEEPING], ids=["ignore", "keep"])
@examples(300)
@given(delivery=deliveries())
def test_any_order_and_any_repetition_ends_as_the_events_in_order(
    policies: Policies, delivery: tuple[list[Happening], list[Happening]]
) -> None:
    history, arrivals = delivery

    assert seen(delivered(arrivals, policies=policies)) == expected(history, keeps_at_end=policies is KEEPING)


@pytest.mark.parametrize("policies", [POLICIES, KEEPING], ids=["ignore", "keep"])
@examples(20)
@given(history=st.lists(st.one_of(activities, activities, ends), min_size=4, max_size=4))
def test_every_single_permutation_of_four_events_ends_alike(
    policies: Policies, history: list[Happening]
) -> None:
    results = {seen(delivered(list(arrivals), policies=policies)) for arrivals in permutations(history)}

    assert results == {expected(history, keeps_at_end=policies is KEEPING)}


@pytest.mark.parametrize(
    "forgetful", [Policies(tombstones_max=1), Policies(tombstone_bytes_max=6)], ids=["number", "bytes"]
)
@examples(120)
@given(delivery=deliveries(max_size=12))
def test_forgetting_tombstones_never_brings_back_what_was_removed(
    forgetful: Policies, delivery: tuple[list[Happening], list[Happening]]
) -> None:
    history, arrivals = delivery
    state = delivered(arrivals, policies=forgetful)

    assert state is not None
    assert len(state.context.tombstones) <= forgetful.tombstones_max
    assert sum(len(name_text(name)) for name in state.context.tombstones) <= forgetful.tombstone_bytes_max
    whole = delivered(arrivals)
    assert whole is not None
    assert whole.context.document == expected(history).document
    assert state.context.texts.items() <= whole.context.texts.items()


def test_an_end_that_was_forgotten_among_too_many_may_let_something_older_through() -> None:
    """The one soft spot: between two activities more than `ENDS_KEPT_MAX` ends are told, the second
    oldest is forgotten, and both what came before and what came after it arrive later still.
    """
    many = [Happening(seconds=10 + n, ends=True) for n in range(ENDS_KEPT_MAX + 1)]
    after_it = Happening(seconds=11.5, merges=True, variables={"kept": 1})
    before_it = Happening(seconds=10.5, merges=True, variables={"too late": 1})
    history = [Happening(seconds=1, variables={"first": 1}), *many, after_it, before_it]

    assert seen(delivered(history, seconds=30)).document == b'{"kept":1,"too late":1}'
    assert seen(delivered(history[:-1], seconds=30)).document == expected(history).document
    in_order = sorted(history, key=lambda one: one.seconds)
    assert seen(delivered(in_order, seconds=30)) == expected(history)


class SessionLife(RuleBasedStateMachine):
    """Events, repetitions, erasures and expiry in any order, and the model beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = at(20)
        self.state: SessionState | None = None
        self.arrived: list[Happening] = []
        self.all_ever: list[Happening] = []
        self.erased = BEFORE_ALL
        self.remembered_until: datetime | None = None

    @rule(one=activities, ago=AGO)
    def act(self, one: Happening, ago: float) -> None:
        self.take(self._happened(one, ago))

    def take(self, one: Happening) -> None:
        self._expire()
        before = stored(self.state)
        decision = decide_event(before, one.event(), POLICIES, self.now)
        assert decision.refusal is None
        if before is None or not before.expired(self.now):
            check_what_every_decision_keeps(before, decision)
        self.state = decision.state
        self.arrived.append(one)
        self.all_ever.append(one)
        if expected(self.arrived, erased=self.erased).status is SessionStatus.ENDED:
            last_end = from_microseconds(self._last_end().microseconds)
            self._remember(last_end + timedelta(seconds=POLICIES.ttl.tombstone_seconds))

    @precondition(lambda self: sum(one.ends for one in self.arrived) < ENDS_KEPT_MAX)
    @rule(one=ends, ago=AGO)
    def end(self, one: Happening, ago: float) -> None:
        self.take(self._happened(one, ago))

    @precondition(lambda self: self.all_ever)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.all_ever))
        if one in self.arrived or not one.ends:
            self.take(one)

    @rule(ago=st.sampled_from([0, 2]))
    def erase(self, ago: float) -> None:
        """By a clock that may be behind, so that its time lies among those of the events."""
        self._expire()
        newest = max([self.erased, *(one.event().stamp for one in self.arrived)])
        moment = self.now - timedelta(seconds=ago)
        decision = decide_erasure(
            stored(self.state),
            session_id=SessionId("s"),
            persistence_id=persistence_id(),
            policies=POLICIES,
            now=moment,
        )
        self.state = decision.state
        assert self.state is not None
        assert not self.state.served(self.now)
        self.erased = self.state.lifecycle.erased
        assert self.erased >= newest
        self._remember(moment + timedelta(seconds=POLICIES.ttl.erased_seconds))

    @rule(seconds=st.sampled_from([1, 4000, 100_000]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def evict(self) -> None:
        self._expire()
        decision = decide_eviction(stored(self.state), self.now)
        assert decision.state is None or not decision.state.expired(self.now)
        self.state = decision.state

    @invariant()
    def equals_the_model(self) -> None:
        if self.state is None or self.state.expired(self.now):
            return
        if self.state.lifecycle.is_tombstone:
            assert not self.state.has_context
            assert self.state.context.document == b"{}"
            assert expected(self.arrived, erased=self.erased).status is SessionStatus.ERASED
            return
        assert seen(stored(self.state)) == expected(self.arrived, erased=self.erased)

    def _happened(self, one: Happening, ago: float) -> Happening:
        return replace(one, seconds=(self.now - START).total_seconds() - ago)

    def _expire(self) -> None:
        """What has expired is as if it had never been, but for an erasure or an end that is still remembered.

        Events that are older than that end do nothing any more, as after an erasure.
        """
        if self.state is not None and not self.state.expired(self.now):
            return
        if expected(self.arrived, erased=self.erased).status is SessionStatus.ENDED:
            self.erased = self._last_end()
        self.arrived = []
        if self.remembered_until is None or self.remembered_until <= self.now:
            self.erased = BEFORE_ALL
        if self.erased == BEFORE_ALL:
            self.remembered_until = None

    def _last_end(self) -> Stamp:
        return max(one.event().stamp for one in self.arrived if one.ends)

    def _remember(self, until: datetime) -> None:
        self.remembered_until = max(self.remembered_until or until, until)


SessionLife.TestCase.settings = examples(120)
TestSessionLife = SessionLife.TestCase
