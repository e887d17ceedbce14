"""Which permissions the calls of a target need, and which of them our client has.

Source: `AuthzSubject` of the official SDKs, `grants[].role.policies[].{domain, entityName, actions[]}`, as
`GET /api/v2/authorization/subjects/me?includeFullRoles=true` answers it (it needs no permission). That `*`
stands for every entity or action, and that it answers for client credentials, is inferred.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from adapters.genesys.json_answers import UnreadableAnswer, decoded
from domain.sync.policy import SyncTarget

SUBJECT_PATH = "/api/v2/authorization/subjects/me?includeFullRoles=true"
_READ_CONVERSATION = (
    "conversation:communication:view",
    "conversation:message:view",
    "conversation:webmessaging:view",
)
NEEDED: dict[SyncTarget, tuple[tuple[str, ...], ...]] = {
    # the PATCH of attributes lists none; the look-up of the customer needs one of these
    SyncTarget.PARTICIPANT_ATTRIBUTES: (_READ_CONVERSATION,),
    # no path of Genesys' own
    SyncTarget.MESSAGING_SESSIONS: (),
    SyncTarget.NONE: (),
}
"""For each target what is needed, as `domain:entity:action`; one of each group is enough."""


@dataclass(frozen=True, slots=True)
class Permission:
    """Any part may be `*`."""

    domain: str
    entity: str
    action: str

    def covers(self, permission: str) -> bool:
        wanted = permission.split(":")
        mine = (self.domain, self.entity, self.action)
        return all(have in ("*", want) for have, want in zip(mine, wanted, strict=True))


def permissions_of(answer: bytes) -> frozenset[Permission] | None:
    """The permissions in a description of the subject; None when it lists none in a form that is known."""
    try:
        grants = decoded(answer, dict[str, Any]).get("grants")
    except UnreadableAnswer:
        return None
    if not isinstance(grants, list):
        return None
    policies = [_member(_member(grant, "role"), "policies") for grant in grants]
    if any(not isinstance(listed, list) for listed in policies):
        return None  # a role without its policies may allow anything
    return frozenset(permission for listed in policies for policy in listed for permission in _read(policy))


def missing(needed: Iterable[tuple[str, ...]], permissions: frozenset[Permission]) -> tuple[str, ...]:
    """The groups of which no permission is there, in words: `a or b`."""
    return tuple(
        " or ".join(group)
        for group in needed
        if not any(mine.covers(wanted) for mine in permissions for wanted in group)
    )


def _read(policy: Any) -> Iterator[Permission]:
    domain, entity, actions = (_member(policy, name) for name in ("domain", "entityName", "actions"))
    if isinstance(domain, str) and isinstance(entity, str) and isinstance(actions, list):
        for action in actions:
            if isinstance(action, str):
                yield Permission(domain, entity, action)


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
