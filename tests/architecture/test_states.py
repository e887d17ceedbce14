"""The tables of `docs/states.md` are true: a walk at random finds their transitions and no others."""

import random
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Decision, Policies
from domain.decisions.erase import decide_erasure
from domain.decisions.evict import decide_eviction
from domain.decisions.retry import decide_retry
from domain.decisions.sync import (
    decide_claim,
    decide_delivered,
    decide_postponed,
    decide_refused,
    decide_released,
)
from domain.ids import ClaimToken, SessionId
from domain.session.lifecycle import SessionStatus
from domain.session.state import SessionState
from domain.session.ttl_policy import TtlPolicy
from domain.sync.policy import SyncPolicy, SyncTarget
from domain.sync.state import SyncFailure, SyncReceipt, SyncStatus
from tests.factories import START, end, event, persistence_id

PAGE = Path(__file__).parents[2] / "docs" / "states.md"
STEPS = 25_000
OURS, OTHERS = ClaimToken("ours"), ClaimToken("others")
POLICIES = Policies(
    sync=SyncPolicy(target=SyncTarget.MESSAGING_SESSIONS, lease_seconds=10),
    ttl=TtlPolicy(default_seconds=100, ended_seconds_max=100, erased_seconds=500, tombstone_seconds=300),
)
FAILURE = SyncFailure(code="some.code", reason="some reason")

Transition = tuple[str, str, str]


class Walk:
    """One session, to which one thing after another happens; the seed is fixed."""

    def __init__(self) -> None:
        self.random = random.Random(7)
        self.now = START
        self.state: SessionState | None = None
        self.seen: set[Transition] = set()

    def run(self, moves: dict[str, Callable[[], SessionState | None]], name: Callable[[], str]) -> None:
        names = list(moves)
        for _ in range(STEPS):
            move = self.random.choice(names)
            before = name()
            self.state = moves[move]()
            if before != name():
                self.seen.add((before, move, name()))

    def happens(self, variable: int | None = None, *, ends: bool = False) -> SessionState | None:
        context = None if variable is None else {"a": variable}
        what = end(occurred_at=self.now) if ends else event(context, occurred_at=self.now)
        return decide_event(self.state, what, POLICIES, self.now).state

    def passes(self, *seconds: float, expires: bool = True) -> SessionState | None:
        later = self.now + timedelta(seconds=self.random.choice(seconds))
        if expires or (self.state is not None and not self.state.expired(later)):
            self.now = later
        return self.state


def documented(section: str) -> set[Transition]:
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"<!-- {section} -->\n(.*?)<!-- /{section} -->", text, re.DOTALL)
    assert found is not None
    rows = [row.strip("| ").split(" | ") for row in found[1].splitlines()[2:]]
    return {(before, move, after) for before, moves, after in rows for move in moves.split(", ")}


def as_rows(transitions: Iterable[Transition]) -> str:
    """What the page should say, to be copied from the failure."""
    moves: dict[tuple[str, str], list[str]] = {}
    for before, move, after in sorted(transitions):
        moves.setdefault((before, after), []).append(move)
    return "\n".join(
        f"| {before} | {', '.join(names)} | {after} |" for (before, after), names in moves.items()
    )


def life_of(walk: Walk) -> str:
    state = walk.state
    if state is None:
        return "none"
    if state.lifecycle.is_tombstone:
        return "tombstone"
    if state.expired(walk.now):
        return "expired"
    return "ended" if state.status is SessionStatus.ENDED else "live"


def test_the_life_of_a_session_is_as_documented() -> None:
    walk = Walk()

    def erased() -> SessionState | None:
        return decide_erasure(
            walk.state,
            session_id=SessionId("s"),
            persistence_id=persistence_id(),
            policies=POLICIES,
            now=walk.now,
        ).state

    walk.run(
        {
            "activity": lambda: walk.happens(walk.random.randrange(3)),
            "end": lambda: walk.happens(ends=True),
            "erase": erased,
            "time": lambda: walk.passes(0.001, 1, 60, 400),
            "evict": lambda: decide_eviction(walk.state, walk.now).state,
        },
        lambda: life_of(walk),
    )

    assert walk.seen == documented("life"), as_rows(walk.seen)


def sync_of(walk: Walk) -> str:
    sync = current(walk).sync
    if sync.status is SyncStatus.FAILED:
        return "failed"
    if sync.claim is not None:
        return "claimed"
    if sync.status is SyncStatus.PENDING or sync.is_in_doubt:
        return "due"
    return "delivered" if sync.due_at is None else "refresh due"


def current(walk: Walk) -> SessionState:
    assert walk.state is not None
    return walk.state


def receipt_of(walk: Walk, *, of_newest: bool) -> SyncReceipt:
    state = current(walk)
    return SyncReceipt(
        fingerprint=state.fingerprint(POLICIES.sync.target) if of_newest else "of an older state",
        expires_at=state.expires_at,
        synced_at=walk.now,
    )


def test_the_sync_of_a_session_is_as_documented() -> None:
    walk = Walk()
    walk.state = walk.happens(0)

    def if_ours(move: Callable[[], Decision]) -> Callable[[], SessionState | None]:
        """Only who holds the claim comes to an end in this way."""
        return lambda: move().state if current(walk).sync.claim == OURS else walk.state

    def delivered(*, of_newest: bool, token: ClaimToken = OURS) -> Decision:
        receipt = receipt_of(walk, of_newest=of_newest)
        return decide_delivered(walk.state, token=token, receipt=receipt, policy=POLICIES.sync, now=walk.now)

    def refused(*, of_newest: bool) -> Decision:
        sent = receipt_of(walk, of_newest=of_newest).fingerprint
        return decide_refused(
            walk.state, token=OURS, sent=sent, failure=FAILURE, policy=POLICIES.sync, now=walk.now
        )

    def postponed() -> Decision:
        until = walk.now + timedelta(seconds=5)
        return decide_postponed(walk.state, token=OURS, until=until, failure=FAILURE)

    walk.run(
        {
            "change": lambda: walk.happens(walk.random.randrange(1_000_000)),
            "renewal": lambda: walk.happens(None),
            "claim": lambda: decide_claim(walk.state, token=OURS, policy=POLICIES.sync, now=walk.now).state,
            "delivered": if_ours(lambda: delivered(of_newest=True)),
            "delivered but changed meanwhile": if_ours(lambda: delivered(of_newest=False)),
            "delivered with a lost lease": lambda: delivered(of_newest=False, token=OTHERS).state,
            "postponed": if_ours(postponed),
            "released": if_ours(lambda: decide_released(walk.state, token=OURS, now=walk.now)),
            "refused": if_ours(lambda: refused(of_newest=True)),
            "refused but changed meanwhile": if_ours(lambda: refused(of_newest=False)),
            "retry": lambda: decide_retry(walk.state, walk.now).state,
            "time": lambda: walk.passes(1, 30, 80, expires=False),
        },
        lambda: sync_of(walk),
    )

    assert walk.seen == documented("sync"), as_rows(walk.seen)
