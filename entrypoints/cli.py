"""The command `session-keeper`. What a command needs is imported when it runs, so that help is quick."""

import os
import sys
from pathlib import Path

import rich_click as click

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - as click calls it
    if wanted:
        from entrypoints.version import VERSION

        click.echo(VERSION)
        context.exit()


@click.group(context_settings=CONTEXT)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="The version of this program.",
)
def cli() -> None:
    """Session Keeper keeps the context of Genesys Cloud messaging sessions.

    Settings are environment variables with the prefix SESSION_KEEPER_; docs/settings.md has them all.
    """


@cli.command()
@click.option("--events", type=click.IntRange(1), help="Stop after so many events, with a summary.")
@click.option(
    "--rate", type=click.FloatRange(0.1, 1000), default=20.0, show_default=True, help="Events a second."
)
@click.option("--port", type=click.IntRange(0, 65535), help="Of the service. [default: 3000, or a free one]")
@click.option("--emulator-port", type=click.IntRange(0, 65535), help="[default: 3001, or a free one]")
def demo(events: int | None, rate: float, port: int | None, emulator_port: int | None) -> None:
    """The whole loop on this machine: service, Genesys emulator and sample traffic."""
    from entrypoints.commands.demo import run_demo

    sys.exit(run_demo(events_max=events, events_per_second=rate, port=port, emulator_port=emulator_port))


@cli.command()
@click.option("--host", help="The address to listen on. [default: SESSION_KEEPER_HOST]")
@click.option("--port", type=click.IntRange(0, 65535), help="[default: SESSION_KEEPER_PORT]")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Server processes; with more than one the loops have one of their own.",
)
@click.option("--no-worker", is_flag=True, help="HTTP alone: no sync and no eviction in this process.")
@click.option("--inherited-socket", type=int, hidden=True)
@click.option("--inherited-board", type=int, hidden=True)
@click.option("--budget-parts", type=int, default=1, hidden=True)
def serve(
    host: str | None,
    port: int | None,
    workers: int,
    *,
    no_worker: bool,
    inherited_socket: int | None,
    inherited_board: int | None,
    budget_parts: int,
) -> None:
    """The service: HTTP, sync loop and eviction loop."""
    from entrypoints.commands.serve import run_serve

    overrides: dict[str, str | int] = {}
    if host is not None:
        overrides["host"] = host
    if port is not None:
        overrides["port"] = port
    sys.exit(
        run_serve(
            os.environ,
            overrides=overrides,
            workers=workers,
            with_loops=not no_worker,
            inherited_socket=inherited_socket,
            inherited_board=inherited_board,
            budget_parts=budget_parts,
        )
    )


@cli.command()
@click.option("--inherited-board", type=int, hidden=True)
@click.option("--budget-parts", type=int, default=1, hidden=True)
def worker(inherited_board: int | None, budget_parts: int) -> None:
    """A sync worker: the sync and eviction loops alone."""
    from entrypoints.commands.worker import run_worker

    sys.exit(run_worker(os.environ, inherited_board=inherited_board, budget_parts=budget_parts))


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=3001, show_default=True)
@click.option(
    "--rate-limit",
    type=click.IntRange(0),
    default=300,
    show_default=True,
    help="Calls a window; 0: no limit.",
)
@click.option(
    "--rate-window", type=click.FloatRange(0, min_open=True), default=60.0, show_default=True, help="Seconds."
)
@click.option(
    "--token-seconds", type=click.IntRange(1), default=86_400, show_default=True, help="Life of a token."
)
@click.option(
    "--latency", type=click.FloatRange(0), default=0.0, show_default=True, help="Seconds for each answer."
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="RULE",
    help="KIND[=VALUE][:HOW][@MATCH], as 503:0.2, 429=5:3x or away:30s. May be given again.",
)
@click.option("--client-id", help="Accept this client alone. [default: any]")
@click.option("--client-secret", help="Accept this secret alone. [default: any]")
@click.option(
    "--permission",
    "permissions",
    multiple=True,
    metavar="DOMAIN:ENTITY:ACTION",
    help="What clients may do; a part may be *. May be given again; none: nothing. [default: all]",
)
@click.option("--strict", is_flag=True, help="404 for conversations and sessions that were not made before.")
@click.option("--seed", type=int, help="Of the faults that come by chance.")
def emulator(**options: object) -> None:
    """A Genesys Cloud to run against; GET / of it says how to steer it."""
    from entrypoints.commands.emulator import run_emulator

    sys.exit(run_emulator(options))


@cli.command()
def migrate() -> None:
    """Bring the store's schema to the newest version."""
    from entrypoints.commands.migrate import run_migrate

    sys.exit(run_migrate(os.environ))


@cli.command()
def doctor() -> None:
    """Check settings, store, clock skew, Genesys credentials and rights."""
    from entrypoints.commands.doctor import run_doctor

    sys.exit(run_doctor(os.environ))


@cli.command()
@click.argument("session_id", required=False)
@click.option("--subject", "subject_id", help="Erase every session of this subject instead.")
@click.option("--dry-run", is_flag=True, help="Say what there is, and erase nothing.")
def erase(session_id: str | None, subject_id: str | None, *, dry_run: bool) -> None:
    """Erase a session, or all of a subject, for good. Exit code 1 when there was nothing."""
    if (session_id is None) == (subject_id is None):
        raise click.UsageError("give either a session id or --subject")
    from entrypoints.commands.erase import run_erase

    sys.exit(run_erase(os.environ, session_id=session_id, subject_id=subject_id, dry_run=dry_run))


@cli.group()
def sync() -> None:
    """The syncs that Genesys refused for good: look at them, put them back."""


@sync.command("list")
def sync_list() -> None:
    """Counts by reason, and since when the oldest waits to be delivered."""
    from entrypoints.commands.sync import run_sync_list

    sys.exit(run_sync_list(os.environ))


@sync.command("retry")
@click.argument("session_ids", nargs=-1)
@click.option("--reason", "code", help="All that failed with this code.")
@click.option("--all", "every", is_flag=True, help="All that failed.")
@click.option("--dry-run", is_flag=True, help="Say which, and do nothing.")
def sync_retry(session_ids: tuple[str, ...], code: str | None, *, every: bool, dry_run: bool) -> None:
    """Put sessions back to be delivered again; they spend the same budget as all others."""
    if bool(session_ids) + bool(code) + every != 1:
        raise click.UsageError("give session ids, --reason or --all")
    from entrypoints.commands.sync import run_sync_retry

    sys.exit(run_sync_retry(os.environ, session_ids, code=code, every=every, dry_run=dry_run))


@cli.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--events", is_flag=True, help="The files hold whole webhook bodies, not contexts.")
def lint(files: tuple[Path, ...], *, events: bool) -> None:
    """Check JSON files by the rules that contexts are checked by."""
    from entrypoints.commands.lint import run_lint

    sys.exit(run_lint(os.environ, files, events=events))


@cli.command()
def version() -> None:
    """The version of this program."""
    from entrypoints.version import VERSION

    click.echo(VERSION)


def main() -> None:
    cli(prog_name="session-keeper")


if __name__ == "__main__":
    main()
