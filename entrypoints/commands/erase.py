"""`session-keeper erase`."""

from collections.abc import Mapping

import rich_click as click

from adapters.event_json.event_body import ID_LENGTH_MAX, SESSION_ID_FORM, session_id_of
from application.errors import SessionUnreadable
from application.use_cases.erase_session import EraseSession, EraseSubject
from domain.audit import AuditAction
from domain.ids import SessionId, SubjectId
from entrypoints.commands.start import FAILED, WRONG_USAGE, complain, settings_or_exit, with_existing_store
from entrypoints.container import Service
from entrypoints.settings import PREFIX

LISTED_AT_ONCE = 1_000
DELETED_AT_ONCE = 1_000
"""Audit entries of what was erased."""


def run_erase(
    environment: Mapping[str, str], *, session_id: str | None, subject_id: str | None, dry_run: bool
) -> int:
    """0 when there was something to erase, 1 when there was not."""
    settings = settings_or_exit(environment)
    known = session_id_of(session_id)
    if session_id is not None and known is None:
        complain(f"a session id is {SESSION_ID_FORM}")
        return WRONG_USAGE
    if subject_id is not None and not 1 <= len(subject_id) <= ID_LENGTH_MAX:  # also those taken in the past
        complain(f"a subject id has 1 to {ID_LENGTH_MAX} characters")
        return WRONG_USAGE
    if not settings.store.is_shared:
        place = settings.store_place
        complain(f"{PREFIX}STORE_URL is {place}, which only the service itself can reach: use its DELETE")
        return WRONG_USAGE

    async def erase(service: Service) -> int:
        if known is not None:
            failed = await _erase_session(service, known, dry_run=dry_run)
        else:
            failed = await _erase_subject(service, SubjectId(subject_id or ""), dry_run=dry_run)
        while not dry_run and await service.store.forget_erased(DELETED_AT_ONCE):
            pass
        return failed

    return with_existing_store(settings, erase)


async def _erase_session(service: Service, session_id: SessionId, *, dry_run: bool) -> int:
    """Leaves a tombstone even if nothing is known of it: events from before may be on their way."""
    found = await _is_known(service, session_id)
    if not dry_run:
        await service.use_cases.erase_session(EraseSession(session_id=session_id))
    return _report(service, int(found), f"session {session_id}", dry_run=dry_run)


async def _erase_subject(service: Service, subject_id: SubjectId, *, dry_run: bool) -> int:
    if dry_run:
        count = await _list_sessions(service, subject_id)
        return _report(service, count, "this subject", dry_run=True)
    done = await service.use_cases.erase_subject(EraseSubject(subject_id=subject_id))
    for failed, reason in done.failed.items():
        complain(f"session {failed} could not be erased: {reason}")
    if done.failed and not done.erased:
        return FAILED
    return _report(service, done.erased, "this subject", dry_run=False) or (FAILED if done.failed else 0)


async def _list_sessions(service: Service, subject_id: SubjectId) -> int:
    count = 0
    after: SessionId | None = None
    while page := await service.store.of_subject(subject_id, after=after, limit=LISTED_AT_ONCE):
        for session_id in page:
            click.echo(session_id)
        count += len(page)
        after = page[-1]
    return count


async def _is_known(service: Service, session_id: SessionId) -> bool:
    """Whether there is a record, or a trail of more than its erasure."""
    try:
        state = await service.store.read(session_id, service.clock.now())
    except SessionUnreadable:
        return True
    if state is not None and state.has_context:
        return True
    page = await service.store.audit_trail(session_id, after=None, limit=1)
    return any(entry.action is not AuditAction.SESSION_ERASED for entry in page.entries)


def _report(service: Service, count: int, what: str, *, dry_run: bool) -> int:
    place = service.settings.store_place
    if count == 0:
        click.echo(f"nothing is known of {what} in {place}", err=True)
        return FAILED
    click.echo(f"{count} session(s) {'would be erased' if dry_run else 'erased'} from {place}", err=dry_run)
    return 0
