"""What a person sees who opens the emulator in a browser."""

from litestar import MediaType, get

_PAGE = """\
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
"""


@get("/", media_type=MediaType.TEXT)
async def front_page() -> str:
    return _PAGE
