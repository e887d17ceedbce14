"""What our client at Genesys may do: told by a refusal, and looked up beforehand."""

import json
from typing import Any

import pytest

from adapters.genesys.gateway import GenesysCloudGateway
from application.errors import GenesysMisconfigured, GenesysRefused, GenesysUnavailable
from application.ports.genesys import GenesysAccess
from domain.sync.policy import SyncTarget
from tests.genesys.clients import SECRET_VALUE, Caller
from tests.genesys.scripted_server import Answer, Asked, Reaction, ScriptedServer

pytestmark = pytest.mark.usefixtures("no_waiting_between_attempts")

VIEW = "conversation:communication:view"
TEMPLATE = (
    "Unable to perform the requested action. You are missing the following permission(s): {permissions}"
)


def forbidden(code: str = "missing.permissions", **more: Any) -> Answer:
    return Answer(status=403, body={"code": code, "contextId": "c-1", "status": 403, **more})


@pytest.mark.parametrize("code", ["missing.permissions", "missing.any.permissions"])
async def test_a_permission_that_is_missing_is_a_misconfiguration_and_no_fault_of_the_session(
    server: ScriptedServer, genesys: Caller, code: str
) -> None:
    server.script = [forbidden(code, messageWithParams=TEMPLATE, messageParams={"permissions": f"[{VIEW}]"})]

    with pytest.raises(GenesysMisconfigured) as caught:
        await genesys.call()

    failure = caught.value.failure
    assert (failure.code, failure.status, failure.context_id) == (code, 403, "c-1")
    assert failure.reason.endswith(f"You are missing the following permission(s): [{VIEW}]")
    assert VIEW in str(caught.value)
    assert len(server.asked) == 1
    assert genesys.in_flight == 0


@pytest.mark.parametrize("code", ["not.authorized", "forbidden", ""])
async def test_any_other_403_is_about_the_session(server: ScriptedServer, genesys: Caller, code: str) -> None:
    server.script = [forbidden(code, messageWithParams="no {entity}", messageParams={"entity": SECRET_VALUE})]

    with pytest.raises(GenesysRefused) as caught:
        await genesys.call()

    assert caught.value.failure.reason == "no {entity}"


async def test_the_codes_mean_nothing_with_another_status(server: ScriptedServer, genesys: Caller) -> None:
    server.script = [Answer(status=400, body={"code": "missing.permissions", "message": SECRET_VALUE})]

    with pytest.raises(GenesysRefused) as caught:
        await genesys.call()

    assert SECRET_VALUE not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"message": f"You are missing: {VIEW}"}, f"You are missing: {VIEW}"),
        ({"messageWithParams": "{a} {b} {c}", "messageParams": {"a": "x", "b": "{a}"}}, "x {a} {c}"),
        ({"messageWithParams": "{a}", "messageParams": {"a": ["x", "y", 5]}}, "x, y"),
        ({"messageWithParams": "{a}", "messageParams": None}, "{a}"),
        ({"messageWithParams": "{a}", "messageParams": ["x"]}, "{a}"),
        ({"messageWithParams": "{a}|", "messageParams": {"a": {"b": 1}}}, "|"),
        ({"messageWithParams": 5, "message": "plain"}, "plain"),
        ({"messageWithParams": "a\r\nb\u001b[31m\u0000c"}, "a b [31m c"),
        ({}, "Forbidden"),
    ],
)
async def test_the_message_is_one_line_with_its_parameters_filled_in(
    server: ScriptedServer, genesys: Caller, body: dict[str, Any], reason: str
) -> None:
    server.script = [forbidden(**body)]

    with pytest.raises(GenesysMisconfigured) as caught:
        await genesys.call()

    assert caught.value.failure.reason == reason


async def test_the_message_is_bounded_however_long_its_parts_are(
    server: ScriptedServer, genesys: Caller
) -> None:
    long = {"a": "x" * 100_000, "b": ["y" * 1000] * 1000}
    server.script = [forbidden(messageWithParams="{a}{b}" * 10_000, messageParams=long)]

    with pytest.raises(GenesysMisconfigured) as caught:
        await genesys.call()

    assert len(caught.value.failure.reason) == 400


async def test_texts_of_genesys_are_one_line_without_what_a_store_or_a_terminal_chokes_on(
    server: ScriptedServer, genesys: Caller
) -> None:
    odd = "a\u0000b\nc\u001b[0m" + "x" * 1000
    server.script = [Answer(status=400, body={"code": odd, "contextId": odd, "messageWithParams": odd})]

    with pytest.raises(GenesysRefused) as caught:
        await genesys.call()

    failure = caught.value.failure
    assert [len(text or "") for text in (failure.code, failure.context_id, failure.reason)] == [100, 100, 200]
    assert failure.code.startswith("a b c [0mxxx")
    assert str(failure).isprintable()


def role(*policies: Any) -> dict[str, Any]:
    return {"division": {"id": "*"}, "role": {"id": "r", "name": "Keeper", "policies": list(policies)}}


def policy(domain: str, entity: str, *actions: str) -> dict[str, Any]:
    return {"domain": domain, "entityName": entity, "actions": list(actions)}


async def access(
    server: ScriptedServer,
    genesys: Caller,
    subject: Reaction,
    target: SyncTarget = SyncTarget.PARTICIPANT_ATTRIBUTES,
) -> GenesysAccess:
    def react(asked: Asked) -> Reaction:
        if asked.path == "/api/v2/tokens/me":
            return Answer(body={"organization": {"name": "Umbrella"}})
        assert asked.path == "/api/v2/authorization/subjects/me?includeFullRoles=true"
        return subject

    server.react = react
    return await GenesysCloudGateway(client=genesys.client, target=target, clock=genesys.clock).check_access()


@pytest.mark.parametrize(
    "policies",
    [
        [policy("conversation", "communication", "view")],
        [policy("conversation", "message", "edit", "view")],
        [policy("conversation", "webmessaging", "view")],
        [policy("routing", "queue", "*"), policy("conversation", "*", "view")],
        [policy("conversation", "communication", "*")],
        [policy("conversation", "*", "*")],
        [policy("*", "*", "*")],
    ],
)
async def test_one_permission_that_lets_us_read_a_conversation_is_enough(
    server: ScriptedServer, genesys: Caller, policies: list[Any]
) -> None:
    found = await access(server, genesys, Answer(body={"grants": [role(), role(*policies)]}))

    assert found == GenesysAccess(organization="Umbrella")
    assert found.sufficient
    assert str(found) == "the token is accepted by Umbrella"
    assert genesys.in_flight == 0


@pytest.mark.parametrize(
    "grants",
    [
        [],
        [role()],
        [role(policy("conversation", "communication", "edit"))],
        [role(policy("conversation", "call", "*"), policy("routing", "*", "*"))],
        [role(policy("conversation", "communication"))],
        [role(5, None, {"domain": "conversation"}, {"domain": "*", "entityName": "*", "actions": "*"})],
        [role({"domain": "*", "entityName": "*", "actions": [None]})],
    ],
)
async def test_what_is_missing_is_named(server: ScriptedServer, genesys: Caller, grants: list[Any]) -> None:
    found = await access(server, genesys, Answer(body={"grants": grants}))

    assert not found.sufficient
    assert found.missing == (f"{VIEW} or conversation:message:view or conversation:webmessaging:view",)
    assert f"lacks the permission {VIEW}" in str(found)


@pytest.mark.parametrize(
    "subject",
    [
        forbidden(messageWithParams="not allowed"),
        Answer(status=404),
        Answer(status=400),
        Answer(body=b"<html>"),
        Answer(body=b"[" * 100_000),
        Answer(body=[]),
        Answer(body={}),
        Answer(body={"grants": {}}),
        Answer(body={"grants": [5]}),
        Answer(body={"grants": [{"role": {"id": "r"}}]}),
        Answer(body={"grants": [role(policy("conversation", "call", "view")), {"role": None}]}),
    ],
)
async def test_rights_that_cannot_be_looked_up_are_not_held_to_be_missing(
    server: ScriptedServer, genesys: Caller, subject: Reaction
) -> None:
    found = await access(server, genesys, subject)

    assert found.sufficient
    assert found.organization == "Umbrella"
    assert found.unchecked
    assert "could not be checked" in str(found)
    assert genesys.in_flight == 0


async def test_genesys_being_away_is_no_answer_about_rights(server: ScriptedServer, genesys: Caller) -> None:
    with pytest.raises(GenesysUnavailable):
        await access(server, genesys, Answer(status=500))


async def test_a_gateway_that_is_not_genesys_is_not_asked_for_rights(
    server: ScriptedServer, genesys: Caller
) -> None:
    found = await access(server, genesys, Answer(status=500), SyncTarget.MESSAGING_SESSIONS)

    assert found == GenesysAccess(organization="Umbrella")
    assert [asked.path for asked in server.asked] == ["/api/v2/tokens/me"]


@pytest.mark.parametrize("name", [None, 5, "", ["x"], "a\nb" + "x" * 1000])
async def test_whatever_the_organization_is_called(
    server: ScriptedServer, genesys: Caller, name: object
) -> None:
    server.script = [Answer(body=json.dumps({"organization": {"name": name}}).encode())]

    gateway = GenesysCloudGateway(
        client=genesys.client, target=SyncTarget.MESSAGING_SESSIONS, clock=genesys.clock
    )
    found = await gateway.check_access()

    assert str(found).isprintable()
    assert len(str(found)) < 140
