import pytest

from domain.audit import FAILURES, AuditAction
from tests.factories import AuditEntryFactory


@pytest.mark.parametrize("action", AuditAction)
def test_only_what_went_wrong_has_the_status_of_a_failure(action: AuditAction) -> None:
    entry = AuditEntryFactory.build(action=action)

    assert entry.status == ("FAILED" if action.endswith(("_FAILED", "_FAILURE")) else "SUCCESS")
    assert (action in FAILURES) == (entry.status == "FAILED")


def test_the_names_of_actions_are_those_that_users_know() -> None:
    assert {action.value for action in AuditAction} == {
        "SESSION_PERSISTED",
        "SESSION_UNCHANGED",
        "SESSION_SUPERSEDED",
        "SESSION_ENDED",
        "SESSION_PERSISTENCE_FAILURE",
        "SESSION_SYNCED",
        "SESSION_SYNC_FAILED",
        "SESSION_SYNC_RETRIED",
        "SESSION_EVICTED",
        "SESSION_ERASED",
    }
