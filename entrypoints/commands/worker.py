"""`session-keeper worker`: a sync worker, without HTTP."""

import asyncio
import logging
import signal
from collections.abc import Mapping

from entrypoints.commands.start import (
    settings_or_exit,
    warn_of_losses,
    with_service,
    with_share_of_budget,
)
from entrypoints.container import Service
from entrypoints.loops import running_loops

_log = logging.getLogger("session_keeper")


def run_worker(environment: Mapping[str, str], *, inherited_board: int | None, budget_parts: int) -> int:
    settings = with_share_of_budget(settings_or_exit(environment), budget_parts)
    if inherited_board is None:
        warn_of_losses(settings)
    return with_service(settings, _work, inherited_board=inherited_board)


async def _work(service: Service) -> int:
    """Until SIGTERM or SIGINT; then the sessions that are claimed are released."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with running_loops(service):
        _log.info("working", extra={"store": service.settings.store_place})
        await stop.wait()
    _log.info("stopped")
    return 0
