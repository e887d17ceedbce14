"""The page of the API at `/schema`: Swagger UI, served from here, that loads nothing from elsewhere.

With API keys set, a browser asks for a user name (any) and a password (a key): see `Senders.check_caller`.
"""

from pathlib import Path
from typing import Any

from litestar import MediaType, Request, Response, Router, get
from litestar.datastructures import ResponseHeader
from litestar.exceptions import NotFoundException
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.params import FromPath
from litestar.response import File
from litestar.types import Guard

SCHEMA_PATH = "/schema"
SWAGGER_UI = Path(__file__).parent / "swagger_ui"
ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}

_SCRIPT = b"""SwaggerUIBundle({
  url: "/schema/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""
_PAGE = b"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Session Keeper</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/schema/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/schema/assets/swagger-ui-bundle.js"></script>
<script src="/schema/assets/page.js"></script>
</body>
</html>
"""
# Swagger UI writes style attributes; nothing else is inline, and no other host is ever asked.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class SchemaPage(OpenAPIRenderPlugin):
    """The page itself; Litestar serves it together with the document."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002
        return _PAGE


@get("/assets/{name:str}", sync_to_thread=False)
def read_asset(name: FromPath[str]) -> File | Response[bytes]:
    """A closed list: whatever the name, it never becomes a path."""
    if name == "page.js":
        return Response(content=_SCRIPT, media_type="text/javascript")
    if name not in ASSETS:
        raise NotFoundException
    return File(SWAGGER_UI / name, media_type=ASSETS[name], content_disposition_type="inline")


def schema_router(guard: Guard) -> Router:
    """Where Litestar puts the page and the document; the guard is for all of it."""
    return Router(
        SCHEMA_PATH,
        route_handlers=[read_asset],
        guards=[guard],
        include_in_schema=False,
        response_headers=[ResponseHeader(name="content-security-policy", value=_POLICY)],
        after_request=_as_problem,
    )


async def _as_problem(response: Response[Any]) -> Response[Any]:
    """Litestar's own answer to an unknown path below `/schema` is a page."""
    if response.status_code == NotFoundException.status_code and response.media_type == MediaType.HTML:
        raise NotFoundException
    return response
