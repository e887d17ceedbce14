"""`session-keeper emulator`."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.asgi_server.limits import ServerLimits
from adapters.asgi_server.server import run_server
from adapters.genesys_emulator.app import create_emulator
from adapters.genesys_emulator.fault_text import fault_from_text
from adapters.genesys_emulator.permissions import EVERYTHING
from adapters.genesys_emulator.settings import EmulatorSettings
from entrypoints.commands.start import WRONG_USAGE, complain
from entrypoints.logs import set_up_logs
from entrypoints.settings import Settings


def run_emulator(options: Mapping[str, Any]) -> int:
    set_up_logs(Settings())
    try:
        settings = EmulatorSettings(
            client_id=options["client_id"],
            client_secret=options["client_secret"],
            token_seconds=options["token_seconds"],
            rate_limit=options["rate_limit"],
            rate_window_seconds=options["rate_window"],
            latency_seconds=options["latency"],
            permissions=_permissions(options["permissions"]),
            faults=tuple(fault_from_text(text) for text in options["faults"]),
            know_all=not options["strict"],
            seed=options["seed"],
        )
    except ValueError as error:
        complain(str(error))
        return WRONG_USAGE
    return run_server(
        create_emulator(settings),
        host=options["host"],
        port=options["port"],
        limits=ServerLimits(body_bytes_max=settings.body_bytes_max, drain_seconds_max=2.0),
        on_ready=_ready,
    )


def _permissions(given: Sequence[str]) -> tuple[str, ...]:
    """Everything when none are given; `none` alone is no permission at all."""
    return () if tuple(given) == ("none",) else tuple(given) or (EVERYTHING,)


def _ready(url: str) -> None:
    sys.stderr.write(f"Genesys emulator: {url} (login and api host both; GET / says how to steer it)\n")
