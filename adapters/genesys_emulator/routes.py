"""Which paths of Genesys are emulated, and the name of each for counting: known before routing."""

import re

_RESOURCES: tuple[str, ...] = (
    "aftercallwork",
    "callbacks",
    "calls",
    "chats",
    "cobrowsesessions",
    "customattributes",
    "emails",
    "faxes",
    "internalmessages",
    "keyconfigurations",
    "messages",
    "messaging",
    "participants",
    "screenshares",
    "settings",
    "socials",
    "summaries",
    "videos",
)
"""What Genesys has under `/conversations` beside ids (source: paths in the official SDKs)."""

MEDIA: dict[str, tuple[str, ...]] = {
    "messages": ("agentless", "cachedmedia", "inbound"),
    "calls": ("history", "maximumconferenceparties", "user"),
    "callbacks": ("bulk",),
    "emails": ("agentless",),
    "chats": (),
    "cobrowsesessions": (),
}
"""The media whose participants' attributes have a path of their own, and what Genesys has beside ids there.

`chats` is in the official CLI (166) and no longer in the SDKs.
"""


def _id_beside(names: tuple[str, ...]) -> str:
    """One segment of a path that is none of these names."""
    return rf"(?!(?:{'|'.join(names)})(?:/|$))[^/]+" if names else "[^/]+"


def _conversation_routes() -> list[tuple[str, str]]:
    media = [(f"/api/v2/conversations/{medium}", names) for medium, names in MEDIA.items()]
    return [
        (f"{root}/{{conversationId}}{rest}", _id_beside(names))
        for root, names in [("/api/v2/conversations", _RESOURCES), *media]
        for rest in ("", "/participants/{participantId}/attributes")
    ]


def _pattern(template: str, conversation_id: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", template.replace("{conversationId}", conversation_id)))


_PATTERNS = [
    (_pattern(template, conversation_id), template)
    for template, conversation_id in (
        ("/oauth/token", ""),
        ("/api/v2/tokens/me", ""),
        ("/api/v2/organizations/me", ""),
        ("/api/v2/authorization/subjects/me", ""),
        *_conversation_routes(),
        ("/api/v2/messaging/sessions/{sessionId}", ""),
    )
]

UNKNOWN = "(unknown)"


def route_name(path: str) -> str:
    """The template that a path follows, or UNKNOWN for a path that is not emulated."""
    found = (template for pattern, template in _PATTERNS if pattern.fullmatch(path.rstrip("/")))
    return next(found, UNKNOWN)
