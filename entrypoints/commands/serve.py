"""`session-keeper serve`."""

import asyncio
import gc
import ipaddress
import logging
import socket
import sys
from collections.abc import Mapping

from application.errors import StoreUnavailable
from entrypoints.commands.start import (
    FAILED,
    WRONG_USAGE,
    complain,
    complain_of_store,
    settings_or_exit,
    warn_of_losses,
    with_share_of_budget,
)
from entrypoints.policies import server_limits, store_limits
from entrypoints.settings import PREFIX, Settings
from entrypoints.stores import STORES

_log = logging.getLogger("session_keeper")


def run_serve(
    environment: Mapping[str, str],
    *,
    overrides: Mapping[str, str | int],
    workers: int,
    with_loops: bool,
    inherited_socket: int | None,
    inherited_board: int | None,
    budget_parts: int,
) -> int:
    settings = with_share_of_budget(settings_or_exit(environment, overrides), budget_parts)
    if problems := _refusals(settings, workers):
        complain(*problems)
        return WRONG_USAGE
    if inherited_socket is None:
        warn_of_losses(settings)
    try:
        if workers > 1:
            return _run_workers(settings, workers, with_loops=with_loops)
        return _run_alone(
            settings,
            with_loops=with_loops,
            inherited_socket=inherited_socket,
            inherited_board=inherited_board,
        )
    except StoreUnavailable as error:
        complain_of_store(settings, error)
        return FAILED


def _run_alone(
    settings: Settings, *, with_loops: bool, inherited_socket: int | None, inherited_board: int | None
) -> int:
    """Raises StoreUnavailable when it cannot be opened at all."""
    gc.disable()  # what a start makes stays: to look for garbage in it is 8 % of the start
    from adapters.asgi_server.server import run_server
    from entrypoints.asgi import ServiceApp
    from entrypoints.processes import open_board

    def ready(url: str) -> None:
        gc.freeze()  # nor is it looked through later: 120,000 objects, 60 ms each time
        gc.enable()
        _log.info("serving", extra={"url": url, "store": settings.store_place})

    app = ServiceApp(settings, with_loops=with_loops, board=open_board(inherited_board))
    return run_server(
        app.asgi,
        host=settings.host,
        port=settings.port,
        limits=server_limits(settings),
        sock=None if inherited_socket is None else socket.socket(fileno=inherited_socket),
        resources=app.open,
        on_ready=ready,
        on_refused=app.refused,
    )


def _run_workers(settings: Settings, workers: int, *, with_loops: bool) -> int:
    """Raises StoreUnavailable, once for all processes, when it cannot be opened at all."""
    from adapters.asgi_server.supervisor import run_workers
    from entrypoints.processes import shared_memory

    asyncio.run(_open_store_once(settings))
    processes = workers + with_loops
    board = shared_memory(processes)
    # Inline, every process calls Genesys; otherwise the one with the loops alone does.
    budget_parts = processes if settings.sync_mode == "inline" else 1
    shared = ["--inherited-board", str(board), "--budget-parts", str(budget_parts)]
    ours = [sys.executable, "-P", "-m", "entrypoints.cli"]

    def command(descriptor: int) -> list[str]:
        listening = ["--host", settings.host, "--inherited-socket", str(descriptor)]
        return [*ours, "serve", "--no-worker", *listening, *shared]

    return run_workers(
        command,
        count=workers,
        companion=[*ours, "worker", *shared] if with_loops else None,
        pass_fds=[board],
        host=settings.host,
        port=settings.port,
        drain_seconds_max=settings.drain_seconds,
        on_ready=lambda url: _log.info(
            "serving", extra={"url": url, "store": settings.store_place, "count": workers}
        ),
    )


async def _open_store_once(settings: Settings) -> None:
    async with settings.store.open(settings.store_url, store_limits(settings)):
        pass


def _refusals(settings: Settings, workers: int) -> list[str]:
    problems = []
    if workers > 1 and not settings.store.is_shared:
        shared = ", ".join(backend.kind for backend in STORES.all if backend.is_shared)
        problems.append(
            f"{PREFIX}STORE_URL is {settings.store_place}, which each server process would have for itself; "
            f"with --workers its kind may be one of {shared}"
        )
    if settings.allow_anonymous or _is_loopback(settings.host):
        return problems
    for name, value in (("WEBHOOK_SECRET", settings.webhook_secret), ("API_KEYS", settings.api_keys)):
        if not value:
            problems.append(
                f"{PREFIX}{name} is not set, and {settings.host} can be reached from other machines: set it, "
                f"listen on 127.0.0.1, or set {PREFIX}ALLOW_ANONYMOUS=true"
            )
    return problems


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
