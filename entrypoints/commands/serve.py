"""`session-keeper serve`."""

import ipaddress
import logging
import socket
import sys
from collections.abc import Mapping

from adapters.asgi_server.server import run_server
from adapters.asgi_server.supervisor import run_workers
from entrypoints.asgi import create_service_app
from entrypoints.commands.start import (
    WRONG_USAGE,
    complain,
    settings_or_exit,
    warn_of_losses,
    with_service,
)
from entrypoints.container import Service
from entrypoints.policies import server_limits
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
) -> int:
    settings = settings_or_exit(environment, overrides)
    if problems := _refusals(settings, workers):
        complain(*problems)
        return WRONG_USAGE
    if inherited_socket is None:
        warn_of_losses(settings)
        if code := with_service(settings, _opens):
            return code
    if workers > 1:
        return _run_workers(settings, workers, with_loops=with_loops)
    return run_server(
        create_service_app(settings, with_loops=with_loops),
        host=settings.host,
        port=settings.port,
        limits=server_limits(settings),
        sock=None if inherited_socket is None else socket.socket(fileno=inherited_socket),
        on_ready=lambda url: _log.info("serving", extra={"url": url, "store": settings.store_place}),
    )


async def _opens(_: Service) -> int:
    """That it could be opened is all there is to know before the server starts."""
    return 0


def _run_workers(settings: Settings, workers: int, *, with_loops: bool) -> int:
    def command(descriptor: int) -> list[str]:
        loops = [] if with_loops else ["--no-worker"]
        child = [sys.executable, "-P", "-m", "entrypoints.cli", "serve", *loops]
        return [*child, "--host", settings.host, "--inherited-socket", str(descriptor)]

    return run_workers(
        command,
        count=workers,
        host=settings.host,
        port=settings.port,
        drain_seconds_max=settings.drain_seconds,
        on_ready=lambda url: _log.info(
            "serving", extra={"url": url, "store": settings.store_place, "count": workers}
        ),
    )


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
