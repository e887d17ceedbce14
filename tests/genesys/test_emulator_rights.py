"""What a client of the emulator may do: described to it, and refused where it may not."""

from typing import Any

import pytest

from adapters.genesys.gateway import GenesysCloudGateway
from adapters.genesys_emulator.settings import EmulatorSettings
from application.errors import GenesysMisconfigured
from domain.sync.policy import SyncTarget
from tests.genesys.clients import open_caller
from tests.genesys.emulator_server import RunningEmulator

SUBJECT = "/api/v2/authorization/subjects/me"
CONVERSATION = "/api/v2/conversations/c1"
MESSAGE_CONVERSATION = "/api/v2/conversations/messages/c1"
ATTRIBUTES = f"{MESSAGE_CONVERSATION}/participants/p1/attributes"
SESSION = "/api/v2/messaging/sessions/s1"
READ_ANY = "conversation:communication:view", "conversation:message:view", "conversation:webmessaging:view"


def grant(emulator: RunningEmulator, *permissions: str) -> None:
    emulator.client.put("/emulator/settings", json={"permissions": list(permissions)}).raise_for_status()


def policies(emulator: RunningEmulator, token: dict[str, str]) -> list[dict[str, Any]]:
    subject = emulator.client.get(SUBJECT, params={"includeFullRoles": "true"}, headers=token).json()
    found: list[dict[str, Any]] = subject["grants"][0]["role"]["policies"]
    return found


def test_the_organization_is_described_as_the_token_names_it(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    grant(emulator)

    answer = emulator.client.get("/api/v2/organizations/me", headers=token)

    named = emulator.client.get("/api/v2/tokens/me", headers=token).json()["organization"]
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("id", "name")} == named
    assert (answer.json()["state"], answer.json()["selfUri"]) == ("active", "/api/v2/organizations/me")


def test_a_client_may_do_everything_unless_it_is_said_otherwise(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    assert policies(emulator, token) == [{"domain": "*", "entityName": "*", "actions": ["*"]}]
    for path in (CONVERSATION, MESSAGE_CONVERSATION, SESSION):
        assert emulator.client.get(path, headers=token).status_code == 200


def test_the_roles_have_the_permissions_that_were_ordered(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    grant(emulator, "conversation:message:view", "conversation:message:edit", "routing:*:*")

    assert policies(emulator, token) == [
        {"domain": "conversation", "entityName": "message", "actions": ["edit", "view"]},
        {"domain": "routing", "entityName": "*", "actions": ["*"]},
    ]


def test_the_subject_is_the_client_and_its_roles_are_full_only_on_request(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    answer = emulator.client.get(SUBJECT, headers=token)

    assert (answer.status_code, answer.json()["id"]) == (200, "client")
    (granted,) = answer.json()["grants"]
    assert granted["subjectId"] == "client"
    assert granted["division"]["homeDivision"] is True
    assert granted["role"]["name"]
    assert "policies" not in granted["role"]


@pytest.mark.parametrize(
    ("method", "path", "code", "needed"),
    [
        ("GET", CONVERSATION, "missing.any.permissions", READ_ANY[:1]),
        ("GET", MESSAGE_CONVERSATION, "missing.any.permissions", READ_ANY),
        ("GET", SESSION, "missing.permissions", ("messaging:session:read",)),
        ("PATCH", SESSION, "missing.permissions", ("messaging:session:write",)),
    ],
)
def test_a_call_without_the_right_is_refused_with_the_names_of_what_is_missing(
    emulator: RunningEmulator,
    token: dict[str, str],
    method: str,
    path: str,
    code: str,
    needed: tuple[str, ...],
) -> None:
    grant(emulator, "routing:queue:*", "conversation:message:edit", "messaging:session:delete")

    answer = emulator.client.request(method, path, headers=token, json={"context": {}})

    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (403, 403, code)
    assert body["contextId"] == answer.headers["ININ-Correlation-Id"]
    assert body["messageParams"] == {"permissions": f"[{', '.join(needed)}]"}
    template = body["messageWithParams"]
    assert template.startswith("Unable to perform the requested action. You ")
    assert body["message"] == template.replace("{permissions}", body["messageParams"]["permissions"])
    assert emulator.client.get("/emulator/state").json() == {"sessions": {}, "conversations": {}}

    for permission in (*needed, needed[0].rpartition(":")[0] + ":*", "*:*:*"):
        grant(emulator, permission)
        allowed = emulator.client.request(method, path, headers=token, json={"context": {}})
        assert (permission, allowed.status_code) == (permission, 200)


def test_what_needs_no_permission_is_allowed_without_any(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    grant(emulator)

    assert policies(emulator, token) == []
    assert emulator.client.get("/api/v2/tokens/me", headers=token).status_code == 200
    written = emulator.client.patch(ATTRIBUTES, headers=token, json={"attributes": {"a": "1"}})
    assert written.status_code == 202


def test_a_missing_right_comes_before_an_unknown_conversation(
    emulator: RunningEmulator, token: dict[str, str]
) -> None:
    emulator.client.put("/emulator/settings", json={"knowAll": False, "permissions": []}).raise_for_status()
    assert emulator.client.get(CONVERSATION, headers=token).status_code == 403

    grant(emulator, "conversation:*:view")

    assert emulator.client.get(CONVERSATION, headers=token).status_code == 404


@pytest.mark.parametrize("wrong", ["", "conversation", "a:b", "a:b:c:d", "a::c", "a:b:c ", "a:b*:c", "ä:b:c"])
def test_a_permission_has_three_parts(emulator: RunningEmulator, wrong: str) -> None:
    with pytest.raises(ValueError, match="domain:entity:action"):
        EmulatorSettings(permissions=("a:b:c", wrong))
    answer = emulator.client.put("/emulator/settings", json={"permissions": [wrong]})

    assert (answer.status_code, answer.json()["code"]) == (400, "bad.request")
    assert emulator.client.get("/emulator/settings").json()["permissions"] == ["*:*:*"]


async def test_our_client_sees_what_is_missing_before_and_when_it_calls(emulator: RunningEmulator) -> None:
    async with open_caller(emulator.url) as genesys:
        gateway = GenesysCloudGateway(
            client=genesys.client, target=SyncTarget.PARTICIPANT_ATTRIBUTES, clock=genesys.clock
        )
        assert (await gateway.check_access()).sufficient
        grant(emulator, "routing:queue:view")

        access = await gateway.check_access()
        with pytest.raises(GenesysMisconfigured, match=r"missing\.any\.permissions") as refused:
            await genesys.call("GET", MESSAGE_CONVERSATION)

    assert access.missing == (" or ".join(READ_ANY),)
    assert f"[{', '.join(READ_ANY)}]" in str(refused.value)
