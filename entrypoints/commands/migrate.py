"""`session-keeper migrate`."""

import asyncio
from collections.abc import Mapping

import rich_click as click

from application.errors import StoreUnavailable
from entrypoints.commands.start import FAILED, complain_of_store, settings_or_exit
from entrypoints.policies import store_limits
from entrypoints.settings import Settings


def run_migrate(environment: Mapping[str, str]) -> int:
    settings = settings_or_exit(environment)
    try:
        done = asyncio.run(_migrate(settings))
    except StoreUnavailable as error:
        complain_of_store(settings, error)
        return FAILED
    click.echo(f"{settings.store_kind}: {done}")
    return 0


async def _migrate(settings: Settings) -> str:
    return await settings.store.migrate(settings.store_url, store_limits(settings))
