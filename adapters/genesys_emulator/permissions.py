"""What a client may do, and what each call needs.

Which permissions a call needs stands in the generated documentation of the official SDKs; where one of
them is enough ("Requires ANY permissions") the refusal is `missing.any.permissions`, else
`missing.permissions`. Source of the texts: the error codes of the Platform API's OpenAPI file. That the
parameter is called `permissions`, and the order in which the names stand in it, is inferred.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from adapters.genesys_emulator.errors import GenesysError
from adapters.genesys_emulator.routes import MEDIA

EVERYTHING = "*:*:*"
_PERMISSION = re.compile(r"([A-Za-z0-9_]+|\*):([A-Za-z0-9_]+|\*):([A-Za-z0-9_]+|\*)", re.ASCII)
_TEMPLATES = {
    "missing.permissions": (
        "Unable to perform the requested action. You are missing the following permission(s): {permissions}"
    ),
    "missing.any.permissions": (
        "Unable to perform the requested action."
        " You must have at least one of the following permissions assigned: {permissions}"
    ),
}


@dataclass(frozen=True, slots=True)
class Need:
    """The permissions of a call; with `code` `missing.any.permissions` one of them is enough."""

    code: str
    permissions: tuple[str, ...]

    def missing(self, held: Iterable[str]) -> tuple[str, ...]:
        lacking = tuple(one for one in self.permissions if not any(_covers(mine, one) for mine in held))
        enough = self.code == "missing.any.permissions" and len(lacking) < len(self.permissions)
        return () if enough else lacking


_READ_CONVERSATION = Need("missing.any.permissions", ("conversation:communication:view",))
_READ_OF_MEDIUM = Need(
    "missing.any.permissions",
    ("conversation:communication:view", "conversation:message:view", "conversation:webmessaging:view"),
)
_NEEDS: dict[tuple[str, str], Need] = {
    ("GET", "/api/v2/conversations/{conversationId}"): _READ_CONVERSATION,
    # documented as "Requires no permissions", which cannot mean that every client reads every customer
    **{("GET", f"/api/v2/conversations/{medium}/{{conversationId}}"): _READ_OF_MEDIUM for medium in MEDIA},
    # the tutorial's names for the tutorial's calls
    ("GET", "/api/v2/messaging/sessions/{sessionId}"): Need(
        "missing.permissions", ("messaging:session:read",)
    ),
    ("PATCH", "/api/v2/messaging/sessions/{sessionId}"): Need(
        "missing.permissions", ("messaging:session:write",)
    ),
}


def check_permission(permission: str) -> None:
    """Raises ValueError unless it is `domain:entity:action`; any part may be `*`."""
    if _PERMISSION.fullmatch(permission) is None:
        raise ValueError(f"{permission!r} is no permission; one is domain:entity:action, each part may be *")


def check_right(method: str, route: str, held: Iterable[str]) -> None:
    """Raises GenesysError 403 when a client with the permissions `held` may not make this call."""
    need = _NEEDS.get((method, route))
    missing = need.missing(held) if need else ()
    if need and missing:
        names = f"[{', '.join(missing)}]"
        raise GenesysError(403, code=need.code, template=_TEMPLATES[need.code], params={"permissions": names})


def policies(permissions: Iterable[str]) -> list[dict[str, Any]]:
    """The permissions as `AuthzGrantPolicy` of the official SDKs, one for each domain and entity."""
    actions: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for permission in permissions:
        domain, entity, action = permission.split(":")
        actions[domain, entity].add(action)
    return [
        {"domain": domain, "entityName": entity, "actions": sorted(found)}
        for (domain, entity), found in sorted(actions.items())
    ]


def _covers(mine: str, wanted: str) -> bool:
    return all(have in ("*", want) for have, want in zip(mine.split(":"), wanted.split(":"), strict=True))
