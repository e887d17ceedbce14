"""A guard for calls that take JSON and nothing else."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from adapters.genesys_emulator.errors import GenesysError


def json_only(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """415 unless the content type is `application/json`, whatever its parameters."""
    content_type = connection.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise GenesysError(415)
