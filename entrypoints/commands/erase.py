"""`session-keeper erase`."""

from collections.abc import Mapping

import rich_click as click

from adapters.http.event_body import ID_LENGTH_MAX, session_id_of
from application.erase_session import EraseSession, EraseSubject
from domain.identity import SubjectId
from entrypoints.commands.start import WRONG_USAGE, complain, settings_or_exit, with_service
from entrypoints.container import Service
from entrypoints.settings import PREFIX


def run_erase(environment: Mapping[str, str], *, session_id: str | None, subject_id: str | None) -> int:
    settings = settings_or_exit(environment)
    known = session_id_of(session_id)
    if session_id is not None and known is None:
        complain("a session id is 1 to 128 of A-Z a-z 0-9 . _ : -")
        return WRONG_USAGE
    if subject_id is not None and not 1 <= len(subject_id) <= ID_LENGTH_MAX:
        complain(f"a subject id has 1 to {ID_LENGTH_MAX} characters")
        return WRONG_USAGE
    if settings.store_kind == "memory":
        complain(f"{PREFIX}STORE_URL is memory://, which only the service itself can reach: use its DELETE")
        return WRONG_USAGE

    async def erase(service: Service) -> int:
        if known is not None:
            await service.use_cases.erase_session(EraseSession(session_id=known))
            click.echo("1 session erased")
        elif subject_id is not None:
            erased = await service.use_cases.erase_subject(EraseSubject(subject_id=SubjectId(subject_id)))
            click.echo(f"{erased} session(s) erased")
        return 0

    return with_service(settings, erase)
