"""What commands have in common at their start: settings that can be believed, or one line each and exit 2."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from adapters.json_schema.schema_file import SchemaBroken
from application.errors import StoreUnavailable
from entrypoints.container import Container, Service, open_service
from entrypoints.logs import set_up_logs
from entrypoints.policies import context_schema
from entrypoints.settings import PREFIX, Settings, WrongSettings, load_settings, unknown_names

FAILED = 1
WRONG_USAGE = 2
_log = logging.getLogger("session_keeper")


def complain(*lines: str) -> None:
    """One line each, whatever a driver put into its message."""
    for line in lines:
        sys.stderr.write(f"session-keeper: {' '.join(line.split())}\n")


def check_files(settings: Settings) -> None:
    """Raises WrongSettings when a file that the settings name cannot be used."""
    try:
        context_schema(settings)
    except SchemaBroken as error:
        line = f"{PREFIX}CONTEXT_SCHEMA is {settings.context_schema!r}: {error}; it may be a JSON Schema file"
        raise WrongSettings([line]) from error


def settings_or_exit(
    environment: Mapping[str, str], overrides: Mapping[str, str | int] | None = None
) -> Settings:
    """The settings with logs set up; ends the process with exit code 2 when one is wrong."""
    try:
        settings = msgspec.structs.replace(load_settings(environment), **dict(overrides or {}))
        check_files(settings)
    except WrongSettings as wrong:
        complain(*wrong.lines)
        sys.exit(WRONG_USAGE)
    set_up_logs(settings)
    if unknown := unknown_names(environment):
        _log.warning("unknown settings, misspelt perhaps", extra={"names": ", ".join(unknown)})
    return settings


def warn_of_losses(settings: Settings) -> None:
    """Says what this deployment is going to lose or leave undone."""
    if settings.store_kind == "memory":
        _log.warning("the memory store forgets every session when this process ends")
    if settings.sync_target != "none" and settings.genesys_client_id is None:
        _log.warning("no Genesys credentials are set: sessions are kept, Genesys is not told")


def complain_of_store(settings: Settings, error: StoreUnavailable) -> None:
    complain(f"{error} ({PREFIX}STORE_URL is {settings.store_place})")


def with_service(settings: Settings, run: Callable[[Service], Awaitable[int]]) -> int:
    """Runs something on an open service; a store that does not answer is one line and exit code 1."""

    async def opened() -> int:
        async with open_service(Container(settings=settings)) as service:
            return await run(service)

    try:
        return asyncio.run(opened())
    except StoreUnavailable as error:
        complain_of_store(settings, error)
        return FAILED
    except KeyboardInterrupt:
        return FAILED
