"""Logs: every record is one line, as text on a terminal and as JSON elsewhere.

The keys that may be logged are listed: a key that is not on the list is dropped, so that no context value
gets into a log by accident.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from adapters.storage.store_url import mask_for
from entrypoints.settings import Settings

ALLOWED = frozenset(
    {
        "attempts",
        "bytes",
        "caused_by",
        "code",
        "count",
        "dropped_keys",
        "event",
        "exception",
        "level",
        "limit",
        "logger",
        "loop",
        "method",
        "names",
        "outcome",
        "pid",
        "reason",
        "retry_num",
        "revision",
        "seconds",
        "session_id",
        "signal",
        "skew_seconds",
        "status",
        "store",
        "timestamp",
        "url",
        "wait_for",
        "waited_so_far",
    }
)


def allowed_only(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drops every key that is not on the list, and says how many."""
    kept = {key: value for key, value in event.items() if key in ALLOWED or key.startswith("_")}
    if len(kept) < len(event):
        kept["dropped_keys"] = len(event) - len(kept)
    return kept


def set_up_logs(settings: Settings) -> None:
    """Sends every record of this process to standard error."""
    as_json = (settings.log_format or ("console" if sys.stderr.isatty() else "json")) == "json"
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[Any] = (
        [
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            allowed_only,
            structlog.processors.JSONRenderer(),
        ]
        if as_json
        else [
            structlog.processors.format_exc_info,
            allowed_only,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ]
    )
    render, mask = renderer.pop(), mask_for(settings.store_url, settings.genesys_proxy_url or "")

    def masked(*arguments: Any) -> str:
        """Whatever a library wrote into its message: no password of a URL."""
        return mask(render(*arguments))

    end = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer, masked]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=end))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in ("httpx", "httpcore", "uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", "alembic"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
