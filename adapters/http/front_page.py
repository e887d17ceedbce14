"""What is found at `/`: where everything else is, as a page for people and as links for programs."""

from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get

from adapters.http.answers import encoded

JSON = "application/json"
PLACES = {
    "events": ("/webhook/messaging", "where session events are posted to"),
    "schema": ("/schema", "the API, to read and to try"),
    "openapi": ("/schema/openapi.json", "the same for programs"),
    "health": ("/health", "figures since the start of this process"),
    "live": ("/health/live", "whether the process runs"),
    "ready": ("/health/ready", "whether events can be taken in, and what is wrong"),
    "metrics": ("/metrics", "for Prometheus"),
}
_ROWS = "\n".join(
    f'<tr><td><a href="{path}">{path}</a></td><td>{words}</td></tr>'
    if name != "events"
    else f"<tr><td>POST {path}</td><td>{words}</td></tr>"
    for name, (path, words) in PLACES.items()
)
_PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Session Keeper</title>
<link rel="icon" href="data:,">
</head>
<body>
<h1>Session Keeper</h1>
<p>Keeps the context of Genesys Cloud messaging sessions.</p>
<table>
{_ROWS}
</table>
</body>
</html>
""".encode()
_HEADERS = {
    "content-security-policy": "default-src 'none'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
    "vary": "accept",
}


class FrontPageAnswer(msgspec.Struct):
    name: str
    links: dict[str, str]


@get("/", include_in_schema=False)
async def front_page(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A page where HTML is asked for by name, as browsers do; else the links."""
    if _wants_html(request.headers.get("accept", "")):
        return Response(content=_PAGE, media_type=MediaType.HTML, headers=_HEADERS)
    links = {name: path for name, (path, _) in PLACES.items()}
    answer = FrontPageAnswer(name="session-keeper", links=links)
    return Response(content=encoded(answer), media_type=JSON, headers=_HEADERS)


def _wants_html(accept: str) -> bool:
    """Whether HTML is named, and not with a weight of nothing; who takes anything gets JSON."""
    for part in accept.lower().split(","):
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        if media_type in {"text/html", "application/xhtml+xml"}:
            return not any(parameter in {"q=0", "q=0.0", "q=0.00", "q=0.000"} for parameter in parameters)
    return False
