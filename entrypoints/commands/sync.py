"""`session-keeper sync`: the syncs that Genesys refused for good."""

from collections.abc import Mapping

import rich_click as click
from rich.console import Console
from rich.table import Table

from adapters.event_json.event_body import SESSION_ID_FORM, session_id_of
from application.errors import SessionNotFound
from application.use_cases.read_session import ReadSession
from application.use_cases.retry_syncs import RetrySyncs
from domain.ids import SessionId
from domain.instants import to_text
from entrypoints.commands.start import FAILED, WRONG_USAGE, complain, settings_or_exit, with_existing_store
from entrypoints.container import Service


def run_sync_list(environment: Mapping[str, str]) -> int:
    """Counts by the code of the refusal, and since when the oldest change has not been delivered."""

    async def show(service: Service) -> int:
        classes = await service.use_cases.list_failed_syncs()
        if not classes:
            click.echo("no sync has failed for good")
            return 0
        table = Table("code", "sessions", "oldest change not delivered", box=None, pad_edge=False)
        for one in classes:
            table.add_row(one.code, str(one.count), to_text(one.oldest))
        Console().print(table)
        return 0

    return with_existing_store(settings_or_exit(environment), show)


def run_sync_retry(
    environment: Mapping[str, str],
    session_ids: tuple[str, ...],
    *,
    code: str | None,
    every: bool,
    dry_run: bool,
) -> int:
    settings = settings_or_exit(environment)
    known = [session_id_of(text) for text in session_ids]
    if None in known:
        complain(f"a session id is {SESSION_ID_FORM}")
        return WRONG_USAGE
    chosen: tuple[SessionId, ...] | None = tuple(one for one in known if one is not None)
    command = RetrySyncs(session_ids=None if every or code else chosen, code=code, dry_run=dry_run)

    async def retry(service: Service) -> int:
        put_back = set()
        async for session_id in service.use_cases.retry_syncs(command):
            click.echo(session_id)
            put_back.add(session_id)
        left = [one for one in command.session_ids or () if one not in put_back]
        for session_id in left:
            complain(f"{session_id}: {await _why_not(service, session_id)}")
        if not put_back and command.session_ids is None:
            complain(await _what_failed(service, code))
        click.echo(f"{len(put_back)} session(s) {'would be' if dry_run else 'were'} put back", err=True)
        return FAILED if left else 0

    return with_existing_store(settings, retry)


async def _why_not(service: Service, session_id: SessionId) -> str:
    """Why a session that was named is not put back."""
    try:
        state = await service.use_cases.read_session(ReadSession(session_id=session_id))
    except SessionNotFound:
        return f"no such session in {service.settings.store_place}, or it has expired"
    return f"its sync has not failed, it is {state.sync.status.value}"


async def _what_failed(service: Service, code: str | None) -> str:
    """What there is to put back, when what was asked for is not."""
    classes = await service.use_cases.list_failed_syncs()
    if not classes or code is None:
        return f"no sync has failed for good in {service.settings.store_place}"
    there = ", ".join(f"{one.code} ({one.count})" for one in classes)
    return f"no sync has failed with {code}; there is {there}"
