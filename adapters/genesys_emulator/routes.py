"""Which paths of Genesys are emulated, and the name of each for counting: known before routing."""

import re

_RESOURCES = (
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

_RESOURCES_OF_MESSAGES = ("agentless", "cachedmedia", "inbound")


def _id_beside(names: tuple[str, ...]) -> str:
    """One segment of a path that is none of these names."""
    return rf"(?!(?:{'|'.join(names)})(?:/|$))[^/]+"


_CONVERSATION = _id_beside(_RESOURCES)
_MESSAGE_CONVERSATION = _id_beside(_RESOURCES_OF_MESSAGES)
_ATTRIBUTES = "participants/{participantId}/attributes"

_ROUTES = (
    ("/oauth/token", ""),
    ("/api/v2/tokens/me", ""),
    (f"/api/v2/conversations/messages/{{conversationId}}/{_ATTRIBUTES}", _MESSAGE_CONVERSATION),
    ("/api/v2/conversations/messages/{conversationId}", _MESSAGE_CONVERSATION),
    (f"/api/v2/conversations/{{conversationId}}/{_ATTRIBUTES}", _CONVERSATION),
    ("/api/v2/conversations/{conversationId}", _CONVERSATION),
    ("/api/v2/messaging/sessions/{sessionId}", ""),
)


def _pattern(template: str, conversation_id: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", template.replace("{conversationId}", conversation_id)))


_PATTERNS = [(_pattern(template, conversation_id), template) for template, conversation_id in _ROUTES]

UNKNOWN = "(unknown)"


def route_name(path: str) -> str:
    """The template that a path follows, or UNKNOWN for a path that is not emulated."""
    found = (template for pattern, template in _PATTERNS if pattern.fullmatch(path.rstrip("/")))
    return next(found, UNKNOWN)
