from adapters.storage.decision_batch import decide_in_order
from application.errors import StoreUnavailable
from domain.audit import AuditAction
from domain.decisions.decision import Decision
from domain.ids import SessionId
from domain.session.state import SessionState
from tests.contract.steps import deciding
from tests.factories import AuditEntryFactory, event, merge

S = SessionId("s")


def state_of(*events: str) -> SessionState:
    write, _ = decide_in_order(S, None, [deciding(merge({name: 1})) for name in events])
    assert write.record is not None
    return write.record.state()


def test_each_decision_is_given_what_the_one_before_it_left() -> None:
    write, answers = decide_in_order(S, None, [deciding(merge({name: 1})) for name in "abc"])

    assert write.record is not None
    assert write.record.revision == 3
    assert write.record.state().context.texts.keys() == {"a", "b", "c"}
    assert [entry.revision for entry in write.audit] == [1, 2, 3]
    assert [answer.state.revision for answer in answers if isinstance(answer, Decision) and answer.state] == [
        1,
        2,
        3,
    ]


def test_one_that_raises_leaves_the_others_as_if_it_had_not_been() -> None:
    def bad(_: SessionState | None) -> Decision:
        raise ZeroDivisionError

    write, answers = decide_in_order(S, None, [deciding(merge({"a": 1})), bad, deciding(merge({"b": 1}))])

    assert write.record is not None
    assert write.record.state().context.texts.keys() == {"a", "b"}
    assert [type(answer) for answer in answers] == [Decision, ZeroDivisionError, Decision]
    assert len(write.audit) == 2


def test_a_state_that_cannot_be_stored_leaves_the_others_as_if_it_had_not_been() -> None:
    no_text = "\ud800"
    events = [merge({"a": 1}), merge({"b": 1}, subject_id=no_text), merge({"c": 1})]

    write, answers = decide_in_order(S, None, [deciding(each) for each in events])

    assert write.record is not None
    assert write.record.state().context.texts.keys() == {"a", "c"}
    assert [type(answer) for answer in answers] == [Decision, StoreUnavailable, Decision]
    assert len(write.audit) == 2


def test_what_changes_nothing_needs_no_write() -> None:
    before = state_of("a")

    write, _ = decide_in_order(S, before, [lambda state: Decision(state=state)])

    assert not write.state_changed
    assert not write.needed


def test_an_entry_alone_needs_a_write_but_not_of_the_record() -> None:
    entry = AuditEntryFactory.build(action=AuditAction.SESSION_PERSISTENCE_FAILURE)

    write, _ = decide_in_order(S, None, [lambda state: Decision(state=state, audit=(entry,))])

    assert write.needed
    assert not write.state_changed
    assert write.audit == (entry,)


def test_what_forgets_the_trail_takes_the_entries_of_the_same_batch_with_it() -> None:
    kept = AuditEntryFactory.build()
    write, _ = decide_in_order(
        S,
        None,
        [
            deciding(event({"a": 1})),
            lambda state: Decision(state=state, audit=(kept,), forgets_audit=True),
        ],
    )

    assert write.forgets_audit
    assert write.audit == (kept,)


def test_what_comes_and_goes_within_a_batch_leaves_only_its_trail() -> None:
    write, _ = decide_in_order(S, None, [deciding(event({"a": 1})), lambda _: Decision(state=None)])

    assert write.record is None
    assert not write.state_changed
    assert len(write.audit) == 1
