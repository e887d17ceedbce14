"""`session-keeper sync`: the syncs that Genesys refused for good."""

from collections.abc import Mapping

import rich_click as click
from rich.console import Console
from rich.table import Table

from adapters.http.event_body import session_id_of
from application.retry_syncs import RetrySyncs
from domain.identity import SessionId
from domain.instants import to_text
from entrypoints.commands.start import WRONG_USAGE, complain, settings_or_exit, with_service
from entrypoints.container import Service


def run_sync_list(environment: Mapping[str, str]) -> int:
    """Counts by the code of the refusal, and since when the oldest has not been told."""

    async def show(service: Service) -> int:
        classes = await service.use_cases.list_failed_syncs()
        if not classes:
            click.echo("no sync has failed for good")
            return 0
        table = Table("code", "sessions", "oldest change not told", box=None, pad_edge=False)
        for one in classes:
            table.add_row(one.code, str(one.count), to_text(one.oldest))
        Console().print(table)
        return 0

    return with_service(settings_or_exit(environment), show)


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
        complain("a session id is 1 to 128 of A-Z a-z 0-9 . _ : -")
        return WRONG_USAGE
    chosen: tuple[SessionId, ...] | None = tuple(one for one in known if one is not None)
    command = RetrySyncs(session_ids=None if every or code else chosen, code=code, dry_run=dry_run)

    async def retry(service: Service) -> int:
        count = 0
        async for session_id in service.use_cases.retry_syncs(command):
            click.echo(session_id)
            count += 1
        click.echo(f"{count} session(s) {'would be' if dry_run else 'were'} put back", err=True)
        return 0

    return with_service(settings, retry)
