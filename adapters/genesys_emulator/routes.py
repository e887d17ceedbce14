"""The name of a route, for counting: known before routing, so that refused calls have one too."""

import re

_TEMPLATES = (
    "/oauth/token",
    "/api/v2/tokens/me",
    "/api/v2/conversations/messages/{conversationId}/participants/{participantId}/attributes",
    "/api/v2/conversations/{conversationId}/participants/{participantId}/attributes",
    "/api/v2/conversations/messages/{conversationId}",
    "/api/v2/conversations/{conversationId}",
    "/api/v2/messaging/sessions/{sessionId}",
)
_PATTERNS = [(re.compile(re.sub(r"\{\w+\}", "[^/]+", template)), template) for template in _TEMPLATES]


def route_name(path: str) -> str:
    """The template that a path follows, or `(unknown)`."""
    found = (template for pattern, template in _PATTERNS if pattern.fullmatch(path.rstrip("/")))
    return next(found, "(unknown)")
