"""What a person sees who opens the emulator in a browser."""

import html
import re
from typing import Any

from litestar import MediaType, Request, Response, get

AnyRequest = Request[Any, Any, Any]

_TEXT = """\
Genesys Cloud emulator: in memory, for development and tests. Not Genesys Cloud, and not made by Genesys.

Genesys' own paths
  POST   /oauth/token                          client credentials; the login host
  GET    /api/v2/tokens/me                     also HEAD and DELETE
  GET    /api/v2/organizations/me
  GET    /api/v2/authorization/subjects/me     ?includeFullRoles=true: with the permissions
  GET    /api/v2/conversations/{id}            also /conversations/{medium}/{id}
  PATCH  /api/v2/conversations/{id}/participants/{id}/attributes
                                               also /conversations/{medium}/{id}/participants/...
         medium: messages, calls, callbacks, emails, chats, cobrowsesessions
  GET    /api/v2/messaging/sessions/{id}       a tutorial's invention; also PATCH

Control, without a token
  GET    /emulator/writes?since=N&limit=N      every accepted write, in order
  GET    /emulator/state                       the newest documents
  GET    /emulator/stats                       calls, 429s, tokens, rate windows
  PUT    /emulator/faults                      {"faults": ["503:0.2", {"kind": "429", "calls": 3}]}
                                               also GET and DELETE
  PUT    /emulator/settings                    rateLimit, rateWindowSeconds, latencySeconds,
                                               tokenSeconds, knowAll, permissions; also GET
  POST   /emulator/conversations               {"id": ..., "participants": [{"id": ..., "purpose": ...}]}
  POST   /emulator/reset                       as newly started

How to point a client at it
  The API and the login host are both @URL@. Any client id and secret will do,
  unless the emulator was started with --client-id or --client-secret.

  Session Keeper
    SESSION_KEEPER_GENESYS_API_URL=@URL@
    SESSION_KEEPER_GENESYS_LOGIN_URL=@URL@

  The official SDKs take a gateway for it. A host, or an environment, is not enough for the one of JavaScript:
  it puts https://api. and https://login. in front.

  Python (PureCloudPlatformClientV2)
    import PureCloudPlatformClientV2 as genesys

    client = genesys.api_client.ApiClient()
    client.set_gateway("@HOST@", "@SCHEME@", @PORT@, "", "")
    client.get_client_credentials_token("any id", "any secret")
    print(genesys.ConversationsApi(client).get_conversations_message("c1").participants)

  JavaScript for Node.js (purecloud-platform-client-v2; in a browser it has no client credentials)
    const genesys = require("purecloud-platform-client-v2");

    (async () => {
      const client = genesys.ApiClient.instance;
      client.setGateway({ host: "@HOST@", protocol: "@SCHEME@", port: @PORT@ });
      await client.loginClientCredentialsGrant("any id", "any secret");
      const conversation = await new genesys.ConversationsApi().getConversationsMessage("c1");
      console.log(conversation.participants);
    })();
"""
_HTML = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Genesys Cloud emulator</title><link rel="icon" href="data:,"></head>
<body><pre>
{text}</pre></body>
</html>
"""
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?")
_HEADERS = {
    "content-security-policy": "default-src 'none'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
    "vary": "accept",
}


@get("/")
async def front_page(request: AnyRequest) -> Response[str]:
    """The page as text, or as HTML where that is asked for by name, as browsers do."""
    text = _text_for(request)
    if "text/html" in request.headers.get("accept", "").lower():
        page = _HTML.format(text=html.escape(text, quote=False))
        return Response(page, media_type=MediaType.HTML, headers=_HEADERS)
    return Response(text, media_type=MediaType.TEXT, headers=_HEADERS)


def _text_for(request: AnyRequest) -> str:
    """The page with the address that the reader came by, or our own where the Host header is no address."""
    scheme, server = request.scope["scheme"], request.scope["server"]
    if (named := _HOST.fullmatch(request.headers.get("host", ""))) is not None:
        host, port = named["host"], named["port"] or {"https": "443"}.get(scheme, "80")
    else:
        host, port = "127.0.0.1", str(server[1] if server else 80)
    text = _TEXT.replace("@URL@", f"{scheme}://{host}:{port}")
    return text.replace("@SCHEME@", scheme).replace("@HOST@", host).replace("@PORT@", port)
