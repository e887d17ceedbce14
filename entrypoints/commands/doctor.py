"""`session-keeper doctor`: one line each, exit code 1 if any of them fails."""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

import msgspec
import rich_click as click

from adapters.genesys.reachability import why_unreachable
from application.errors import GenesysError, GenesysUnavailable, StoreUnavailable
from domain.decisions.clock_skew import eviction_problem
from entrypoints.commands.start import (
    FAILED,
    WRONG_USAGE,
    examine,
    missing_database,
    unknown_settings,
)
from entrypoints.container import Container, Service, open_service
from entrypoints.logs import set_up_logs
from entrypoints.regions import HOSTS
from entrypoints.settings import PREFIX, Settings

SKEW_MAX = timedelta(seconds=5)


class Mark(Enum):
    """How a line begins, and its colour."""

    OK = "ok    ", "green"
    WARNING = "warn  ", "yellow"
    FAILED = "FAILED", "red"


@dataclass(frozen=True, slots=True)
class Finding:
    mark: Mark
    about: str
    text: str


def run_doctor(environment: Mapping[str, str]) -> int:
    """0: nothing failed, 1: something did, 2: a setting is wrong, and nothing else was looked at."""
    settings, wrong = examine(environment)
    for line in wrong:
        _say(Finding(Mark.FAILED, "settings", line))
    if unknown := unknown_settings(environment):
        _say(Finding(Mark.WARNING, "settings", f"unknown names: {unknown}"))
    if wrong:
        return WRONG_USAGE
    set_up_logs(settings)
    logging.getLogger("stamina").setLevel(logging.ERROR)  # that it tried again says nothing new here
    return asyncio.run(_examine(settings))


async def _examine(settings: Settings) -> int:
    failed = False
    async for finding in _findings(settings):
        _say(finding)
        failed = failed or finding.mark is Mark.FAILED
    return FAILED if failed else 0


async def _findings(settings: Settings) -> AsyncIterator[Finding]:
    yield Finding(Mark.OK, "settings", "valid")
    for text in questionable(settings):
        yield Finding(Mark.WARNING, "settings", text)
    async for finding in _store(settings):
        yield finding
    yield await _genesys(settings)


def questionable(settings: Settings) -> Iterator[str]:
    """What may be set like this, and is probably not meant."""
    if settings.sync_target == "none":
        return
    if settings.lacks_its_target:
        yield (
            f"{PREFIX}SYNC_TARGET is messaging-sessions, which Genesys Cloud itself does not have: "
            "it is for a gateway of your own; participant-attributes is what Genesys Cloud has"
        )
    if settings.genesys_api_url is None and settings.genesys_environment.lower() not in HOSTS:
        yield (
            f"{PREFIX}GENESYS_ENVIRONMENT is {settings.genesys_environment}, which is no region host that "
            f"this version knows: {', '.join(sorted(HOSTS))}"
        )


async def _store(settings: Settings) -> AsyncIterator[Finding]:
    if missing := missing_database(settings):
        parent = missing.parent
        mark = Mark.WARNING if os.access(parent, os.W_OK | os.X_OK) else Mark.FAILED
        beside = "serve makes one" if mark is Mark.WARNING else f"and none can be made in {parent}"
        yield Finding(mark, "store", f"there is no database at {missing}; {beside}")
        return
    try:
        async with open_service(Container(settings=settings)) as service:
            await service.store.ping()
            skew = await service.store.clock_skew(service.clock)
    except StoreUnavailable as error:
        yield Finding(Mark.FAILED, "store", f"{settings.store_place}: {error}")
        return
    but = f"; {settings.store.warning}" if settings.store.warning else ""
    yield Finding(Mark.OK, "store", f"{settings.store_place} answers{but}")
    if skew is None:
        yield Finding(Mark.OK, "clock skew", "none, the store has no clock of its own")
    else:
        text = f"the store's clock is {skew.total_seconds():+.3f} s ahead"
        skew_max = timedelta(seconds=settings.clock_skew_max_seconds)
        if (problem := eviction_problem(skew, skew_max)) is not None:
            text = problem
        yield Finding(Mark.OK if abs(skew) <= SKEW_MAX else Mark.FAILED, "clock skew", text)


async def _genesys(settings: Settings) -> Finding:
    """On a store in memory: what Genesys answers has nothing to do with the state of ours."""
    if settings.sync_target == "none":
        return Finding(Mark.OK, "Genesys", f"nothing is delivered, {PREFIX}SYNC_TARGET is none")
    if not settings.has_credentials:
        names = f"{PREFIX}GENESYS_CLIENT_ID and {PREFIX}GENESYS_CLIENT_SECRET"
        text = f"{names} are not set: sessions are kept, nothing is delivered"
        return Finding(Mark.FAILED, "Genesys", text)
    apart = msgspec.structs.replace(settings, store_url="memory://")
    async with open_service(Container(settings=apart)) as service:
        return await _access(service)


async def _access(service: Service) -> Finding:
    settings = service.settings
    try:
        access = await service.gateway.check_access()
    except GenesysError as error:
        cause = await _cause(settings) if _is_of_the_network(error) else None
        return Finding(Mark.FAILED, "Genesys", f"{settings.api_url}: {cause or error}")
    mark = Mark.OK if access.sufficient else Mark.FAILED
    if access.sufficient and access.unchecked is not None:
        mark = Mark.WARNING
    return Finding(mark, "Genesys", f"{settings.api_url}: {access}")


def _is_of_the_network(error: GenesysError) -> bool:
    return isinstance(error, GenesysUnavailable) and error.failure.status is None


async def _cause(settings: Settings) -> str | None:
    """Which host is not reached, and why; the login comes first, as it does in a call."""
    for url in (settings.login_url, settings.api_url):
        why = await why_unreachable(
            url, settings.genesys_proxy_url, seconds_max=settings.genesys_call_seconds
        )
        if why is not None:
            return why
    return None


def _say(finding: Finding) -> None:
    text, colour = finding.mark.value
    mark = click.style(text, fg=colour)
    click.echo(f"{mark} {finding.about}: {' '.join(finding.text.split())}", color=sys.stdout.isatty())
