"""`session-keeper doctor`: one line each, exit code 1 if any of them fails."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import rich_click as click

from application.clock_skew import eviction_problem
from application.errors import GenesysError, StoreUnavailable
from entrypoints.commands.start import FAILED, WRONG_USAGE, check_files
from entrypoints.container import Container, Service, open_service
from entrypoints.logs import set_up_logs
from entrypoints.settings import Settings, WrongSettings, load_settings, unknown_names

SKEW_MAX = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Finding:
    good: bool
    about: str
    text: str


def run_doctor(environment: Mapping[str, str]) -> int:
    try:
        settings = load_settings(environment)
        check_files(settings)
    except WrongSettings as wrong:
        for line in wrong.lines:
            _say(Finding(False, "settings", line))
        return WRONG_USAGE
    set_up_logs(settings)
    return asyncio.run(_examine(settings, unknown_names(environment)))


async def _examine(settings: Settings, unknown: list[str]) -> int:
    failed = False
    async for finding in _findings(settings, unknown):
        _say(finding)
        failed = failed or not finding.good
    return FAILED if failed else 0


async def _findings(settings: Settings, unknown: list[str]) -> AsyncIterator[Finding]:
    if unknown:
        yield Finding(False, "settings", "unknown names: " + ", ".join(unknown))
    else:
        yield Finding(True, "settings", "all can be believed")
    try:
        async with open_service(Container(settings=settings)) as service:
            for examine in (_store, _genesys):
                async for finding in examine(service):
                    yield finding
    except StoreUnavailable as error:
        yield Finding(False, "store", str(error))


async def _store(service: Service) -> AsyncIterator[Finding]:
    kind = service.settings.store_kind
    try:
        skew = await service.store.clock_skew(service.clock)
    except StoreUnavailable as error:
        yield Finding(False, "store", str(error))
        return
    yield Finding(True, "store", f"{kind} answers" + (", and forgets at exit" if kind == "memory" else ""))
    if skew is None:
        yield Finding(True, "clock skew", "none, the store has no clock of its own")
    else:
        text = f"the store's clock is {skew.total_seconds():+.3f} s ahead"
        skew_max = timedelta(seconds=service.settings.clock_skew_max_seconds)
        if (problem := eviction_problem(skew, skew_max)) is not None:
            text = problem
        yield Finding(abs(skew) <= SKEW_MAX, "clock skew", text)


async def _genesys(service: Service) -> AsyncIterator[Finding]:
    if service.settings.sync_target == "none":
        yield Finding(True, "Genesys", "not told, SESSION_KEEPER_SYNC_TARGET is none")
        return
    where = f"{service.settings.api_url}: "
    try:
        access = await service.gateway.check_access()
        yield Finding(access.sufficient, "Genesys", where + str(access))
    except GenesysError as error:
        yield Finding(False, "Genesys", where + str(error))


def _say(finding: Finding) -> None:
    mark = click.style("ok    ", fg="green") if finding.good else click.style("FAILED", fg="red")
    text = " ".join(finding.text.split())
    click.echo(f"{mark} {finding.about}: {text}", color=sys.stdout.isatty())
