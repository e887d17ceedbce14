"""What doctor makes of settings that are valid and probably not meant, and of what Genesys says of us."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from application.ports.genesys import GenesysAccess
from entrypoints.commands.doctor import Mark, _access, questionable
from entrypoints.regions import HOSTS, is_genesys_cloud
from entrypoints.settings import Settings


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        ({"sync_target": "messaging-sessions"}, "SESSION_KEEPER_SYNC_TARGET is messaging-sessions"),
        ({"genesys_environment": "mypurecloud.dee"}, "SESSION_KEEPER_GENESYS_ENVIRONMENT is mypurecloud.dee"),
    ],
)
def test_what_is_probably_not_meant_is_named(changes: dict[str, Any], begins: str) -> None:
    (text,) = questionable(msgspec.structs.replace(Settings(), **changes))

    assert text.startswith(begins)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sync_target": "messaging-sessions", "genesys_api_url": "http://gateway.example"},
        {"sync_target": "none", "genesys_environment": "x"},
        {"genesys_environment": "MyPureCloud.DE"},
    ],
)
def test_what_is_probably_meant_is_not(changes: dict[str, Any]) -> None:
    assert list(questionable(msgspec.structs.replace(Settings(), **changes))) == []


@pytest.mark.parametrize(
    ("access", "mark"),
    [
        (GenesysAccess(), Mark.OK),
        (GenesysAccess(missing=("conversation:message:view",)), Mark.FAILED),
        (GenesysAccess(unchecked="Genesys does not list them"), Mark.WARNING),
    ],
)
async def test_rights_that_are_missing_fail_and_rights_that_cannot_be_seen_are_warned_of(
    access: GenesysAccess, mark: Mark
) -> None:
    async def check_access() -> GenesysAccess:
        return access

    service: Any = SimpleNamespace(settings=Settings(), gateway=SimpleNamespace(check_access=check_access))

    finding = await _access(service)

    assert finding.mark is mark
    assert finding.text == f"https://api.mypurecloud.com: {access}"


@pytest.mark.parametrize("host", sorted(HOSTS))
def test_every_region_is_genesys_cloud_itself(host: str) -> None:
    assert is_genesys_cloud(f"https://api.{host}")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:3001", "https://mypurecloud.com.example", "https://notpure.cloud"]
)
def test_an_emulator_or_a_gateway_is_not(url: str) -> None:
    assert not is_genesys_cloud(url)
