"""What commands have in common at their start: valid settings, or a line on each wrong one and exit 2."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from adapters.json_schema.schema_file import SchemaBroken
from application.errors import StoreUnavailable
from entrypoints.policies import context_schema
from entrypoints.settings import PREFIX, Settings, examine_settings, unknown_names, with_likely_name

if TYPE_CHECKING:
    from entrypoints.container import Service

FAILED = 1
WRONG_USAGE = 2
_log = logging.getLogger("session_keeper")


def complain(*lines: str) -> None:
    """One line each, whatever a driver put into its message."""
    for line in lines:
        sys.stderr.write(f"session-keeper: {' '.join(line.split())}\n")


def examine(environment: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """The settings, and a line on everything that is wrong with them or the files that they name."""
    settings, lines = examine_settings(environment)
    try:
        context_schema(settings)
    except SchemaBroken as error:
        what = f"{PREFIX}CONTEXT_SCHEMA is {settings.context_schema!r}: {error}"
        lines.append(f"{what}; it may be a JSON Schema file")
    return settings, lines


def unknown_settings(environment: Mapping[str, str]) -> str:
    """The variables with our prefix that mean nothing to us, with what was probably meant; empty: none."""
    return ", ".join(with_likely_name(name) for name in unknown_names(environment))


def settings_or_exit(
    environment: Mapping[str, str], overrides: Mapping[str, str | int] | None = None
) -> Settings:
    """The settings with logs set up; ends the process with exit code 2 when one is wrong."""
    examined, lines = examine(environment)
    unknown = unknown_settings(environment)
    if lines:
        complain(*lines, *([f"unknown settings: {unknown}"] if unknown else []))
        sys.exit(WRONG_USAGE)
    settings = msgspec.structs.replace(examined, **dict(overrides or {}))
    from entrypoints.logs import set_up_logs

    set_up_logs(settings)
    if unknown:
        _log.warning("unknown settings", extra={"names": unknown})
    return settings


def with_share_of_budget(settings: Settings, processes: int) -> Settings:
    """With that part of the calls a minute that one of so many processes may take for granted."""
    calls_per_minute = max(1, settings.genesys_calls_per_minute // processes)
    return msgspec.structs.replace(settings, genesys_calls_per_minute=calls_per_minute)


def warn_of_losses(settings: Settings) -> None:
    """Says what this deployment is going to lose or leave undone."""
    if settings.store.warning is not None:
        _log.warning(settings.store.warning)
    if settings.sync_target != "none" and not settings.has_credentials:
        _log.info("no Genesys credentials are set: sessions are kept, nothing is delivered to Genesys")
    elif settings.lacks_its_target:
        reason = f"{PREFIX}SYNC_TARGET may be participant-attributes"
        _log.warning("Genesys Cloud itself has no messaging-sessions", extra={"reason": reason})


def missing_database(settings: Settings) -> Path | None:
    """The file of the store, if it is not there: opening it would make an empty one, anywhere."""
    file = settings.store_file
    return None if file is None or file.exists() else file


def complain_of_store(settings: Settings, error: StoreUnavailable) -> None:
    complain(f"{error} ({PREFIX}STORE_URL is {settings.store_place})")


def with_service(
    settings: Settings,
    run: "Callable[[Service], Awaitable[int]]",
    *,
    inherited_board: int | None = None,
) -> int:
    """Runs something on an open service; a store that does not answer is one line and exit code 1."""
    from entrypoints.container import Container, open_service
    from entrypoints.processes import open_board

    async def opened() -> int:
        container = Container(settings=settings, board=open_board(inherited_board))
        async with open_service(container) as service:
            return await run(service)

    try:
        return asyncio.run(opened())
    except StoreUnavailable as error:
        complain_of_store(settings, error)
        return FAILED
    except KeyboardInterrupt:
        return FAILED


def with_existing_store(settings: Settings, run: "Callable[[Service], Awaitable[int]]") -> int:
    """As `with_service`, for what is of no use on a database that nobody has made yet."""
    if missing := missing_database(settings):
        complain(f"there is no database at {missing} ({PREFIX}STORE_URL is {settings.store_url})")
        return FAILED
    return with_service(settings, run)
