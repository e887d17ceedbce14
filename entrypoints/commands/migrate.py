"""`session-keeper migrate`."""

import asyncio
from collections.abc import Mapping

import rich_click as click

from adapters.postgres.migrate import migrate_database
from adapters.sqlite.store import migrate_file
from application.errors import StoreUnavailable
from entrypoints.commands.start import FAILED, complain_of_store, settings_or_exit


def run_migrate(environment: Mapping[str, str]) -> int:
    settings = settings_or_exit(environment)
    try:
        match settings.store_kind:
            case "memory":
                click.echo("memory: there is no schema")
            case "sqlite":
                steps = migrate_file(settings.sqlite_path, settings.store_timeout_seconds)
                click.echo(f"sqlite: {steps} step(s) taken, the schema is the newest")
            case _:
                asyncio.run(migrate_database(settings.store_url))
                click.echo("postgresql: the schema is the newest")
    except StoreUnavailable as error:
        complain_of_store(settings, error)
        return FAILED
    return 0
