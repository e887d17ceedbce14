"""The gateway to Genesys Cloud for one target."""

from typing import assert_never

import msgspec

from adapters.genesys.client import GenesysClient
from adapters.genesys.json_answers import UnreadableAnswer, decoded
from adapters.genesys.messaging_sessions import deliver_context
from adapters.genesys.participant_attributes import deliver_attributes
from adapters.genesys.plain_text import plain
from adapters.genesys.rights import NEEDED, SUBJECT_PATH, missing, permissions_of
from application.errors import GenesysMisconfigured, GenesysRefused
from application.ports.genesys import CallPermit, GenesysAccess, GenesysGateway
from application.ports.runtime import Clock
from domain.sync.policy import SyncTarget
from domain.sync.session_copy import SessionCopy
from domain.sync.state import SyncReceipt

NAME_LENGTH_MAX = 100


class _TokenDescription(msgspec.Struct):
    organization: dict[str, object] = {}


class GenesysCloudGateway(GenesysGateway):
    def __init__(self, *, client: GenesysClient, target: SyncTarget, clock: Clock) -> None:
        self._client = client
        self._target = target
        self._clock = clock

    async def write_back(self, copy: SessionCopy, permit: CallPermit) -> SyncReceipt:
        now = self._clock.now()
        participant = None
        match self._target:
            case SyncTarget.MESSAGING_SESSIONS:
                await deliver_context(self._client, copy, now, permit)
            case SyncTarget.PARTICIPANT_ATTRIBUTES:
                participant = await deliver_attributes(self._client, copy, now, permit)
            case SyncTarget.NONE:
                raise ValueError("with the target none nothing is delivered")
            case _:
                assert_never(self._target)
        return SyncReceipt(
            fingerprint=copy.fingerprint,
            expires_at=copy.expires_at,
            synced_at=now,
            participant=participant,
        )

    async def check_access(self) -> GenesysAccess:
        organization = _organization(await self._client.call("GET", "/api/v2/tokens/me"))
        needed = NEEDED[self._target]
        if not needed:
            return GenesysAccess(organization=organization)
        try:
            permissions = permissions_of(await self._client.call("GET", SUBJECT_PATH))
        except (GenesysRefused, GenesysMisconfigured) as error:
            # the token is accepted, so it is this call that is not allowed, or not there
            return GenesysAccess(organization=organization, unchecked=str(error))
        if permissions is None:
            return GenesysAccess(organization=organization, unchecked="Genesys does not list them")
        return GenesysAccess(organization=organization, missing=missing(needed, permissions))


def _organization(answer: bytes) -> str | None:
    try:
        name = decoded(answer, _TokenDescription).organization.get("name")
    except UnreadableAnswer:
        return None
    return plain(name, NAME_LENGTH_MAX) if isinstance(name, str) else None
