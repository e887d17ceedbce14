"""Genesys' own SDK takes the emulator for Genesys Cloud."""

import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.genesys_emulator.settings import EmulatorSettings
from tests.genesys.emulator_server import RunningEmulator, running_emulator

sdk: Any = pytest.importorskip("PureCloudPlatformClientV2")


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator(EmulatorSettings(client_id="client", client_secret="secret")) as running:
        yield running


@pytest.fixture
def api_client(emulator: RunningEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    # the SDK's configuration watches a folder in the home directory
    monkeypatch.setenv("HOME", str(tmp_path))
    client = sdk.api_client.ApiClient()
    # a gateway is the SDK's own way to have both hosts elsewhere
    client.set_gateway("127.0.0.1", "http", emulator.port, "", "")
    return client


def test_it_logs_in_and_writes_attributes_and_reads_them_back(
    emulator: RunningEmulator, api_client: Any
) -> None:
    conversations = sdk.ConversationsApi(api_client.get_client_credentials_token("client", "secret"))
    body = sdk.ParticipantAttributes()
    body.attributes = {"sk_persistenceId": "1", "sk_syncStatus": "completed"}

    written = conversations.patch_conversations_message_participant_attributes("c1", "p1", body=body)
    message = conversations.get_conversations_message("c1")
    whole = conversations.get_conversation("c1")

    assert written.attributes == body.attributes
    assert [(one.id, one.purpose) for one in message.participants] == [("p1", "customer")]
    assert message.participants[0].attributes == whole.participants[0].attributes == body.attributes
    assert message.participants[0].connected_time.isoformat() == "2026-01-01T12:00:00+00:00"
    assert [one["document"] for one in emulator.writes()] == [body.attributes]


def test_it_does_what_the_front_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with running_emulator() as emulator:
        page = emulator.client.get("/").text
        (code,) = re.findall(r"^  Python .*\n((?:    .*\n|\n)+)", page, re.MULTILINE)

        exec(textwrap.dedent(code), {})  # noqa: S102 - it is to be shown that it runs

    assert "'purpose': 'customer'" in capsys.readouterr().out


@pytest.mark.parametrize("medium", ["call", "callback", "email"])
def test_it_writes_the_attributes_of_other_media(
    emulator: RunningEmulator, api_client: Any, medium: str
) -> None:
    conversations = sdk.ConversationsApi(api_client.get_client_credentials_token("client", "secret"))
    body = sdk.ParticipantAttributes()
    body.attributes = {"a": "1"}

    written = getattr(conversations, f"patch_conversations_{medium}_participant_attributes")(
        "c1", "p1", body=body
    )
    read = getattr(conversations, f"get_conversations_{medium}")("c1")

    assert written.attributes == read.participants[0].attributes == {"a": "1"}
    assert [one["document"] for one in emulator.writes()] == [{"a": "1"}]


def test_the_generic_call_answers_nothing(emulator: RunningEmulator, api_client: Any) -> None:
    conversations = sdk.ConversationsApi(api_client.get_client_credentials_token("client", "secret"))
    body = sdk.ParticipantAttributes()
    body.attributes = {"a": "1"}

    assert conversations.patch_conversation_participant_attributes("c1", "p1", body) is None
    assert [one["document"] for one in emulator.writes()] == [{"a": "1"}]


def test_a_wrong_secret_and_a_revoked_token_are_its_exceptions(api_client: Any) -> None:
    with pytest.raises(sdk.rest.ApiException) as wrong_secret:
        api_client.get_client_credentials_token("client", "wrong")
    assert wrong_secret.value.status == 401

    tokens = sdk.TokensApi(api_client.get_client_credentials_token("client", "secret"))
    assert tokens.get_tokens_me().o_auth_client.id == "client"
    tokens.head_tokens_me()
    tokens.delete_tokens_me()
    with pytest.raises(sdk.rest.ApiException) as revoked:
        tokens.get_tokens_me()
    assert (revoked.value.status, json.loads(revoked.value.body)["code"]) == (401, "bad.credentials")


def test_a_fault_is_an_exception_with_the_error_body(emulator: RunningEmulator, api_client: Any) -> None:
    conversations = sdk.ConversationsApi(api_client.get_client_credentials_token("client", "secret"))
    emulator.faults("429=none:1x")

    with pytest.raises(sdk.rest.ApiException) as refused:
        conversations.get_conversations_message("c1")

    assert refused.value.status == 429
    assert json.loads(refused.value.body)["code"] == "too.many.requests.retry.after"


def test_it_comes_back_by_itself_after_a_429(emulator: RunningEmulator, api_client: Any) -> None:
    conversations = sdk.ConversationsApi(api_client.get_client_credentials_token("client", "secret"))
    emulator.faults("429=0:2x")

    assert conversations.get_conversations_message("c1").id == "c1"
    assert emulator.client.get("/emulator/stats").json()["tooManyRequests"] == 2


EMULATED = re.compile(
    r"/api/v2/conversations/((messages|calls|callbacks|emails|cobrowsesessions)/)?x1"
    r"(/participants/x1/attributes)?"
)


def test_what_the_sdk_can_ask_of_conversations_is_emulated_or_a_404(emulator: RunningEmulator) -> None:
    paths = set(re.findall(r"'(/api/v2/conversations[^']*)'", inspect.getsource(sdk.ConversationsApi)))
    assert len(paths) > 100
    others = sorted(
        path for path in (re.sub(r"{\w+}", "x1", path) for path in paths) if not EMULATED.fullmatch(path)
    )
    emulator.client.put("/emulator/settings", json={"rateLimit": 0}).raise_for_status()
    token = emulator.log_in()

    answers = {path: emulator.client.get(path, headers=token) for path in others}

    assert {path: one.status_code for path, one in answers.items() if one.status_code != 404} == {}
    assert {one.json()["code"] for one in answers.values()} == {"not.found"}
    assert emulator.client.get("/emulator/state").json()["conversations"] == {}


def test_it_reads_the_organization_and_the_rights_of_its_client(
    emulator: RunningEmulator, api_client: Any
) -> None:
    permissions = ["conversation:message:view", "routing:*:*"]
    emulator.client.put("/emulator/settings", json={"permissions": permissions}).raise_for_status()
    client = api_client.get_client_credentials_token("client", "secret")

    organization = sdk.OrganizationApi(client).get_organizations_me()
    subject = sdk.AuthorizationApi(client).get_authorization_subjects_me(include_full_roles=True)

    assert (organization.name, organization.state) == ("Genesys emulator", "active")
    (granted,) = subject.grants
    assert [(one.domain, one.entity_name, one.actions) for one in granted.role.policies] == [
        ("conversation", "message", ["view"]),
        ("routing", "*", ["*"]),
    ]
    assert granted.division.home_division is True


def test_a_missing_right_is_an_exception_with_the_permissions(
    emulator: RunningEmulator, api_client: Any
) -> None:
    emulator.client.put("/emulator/settings", json={"permissions": []}).raise_for_status()
    conversations = sdk.ConversationsApi(api_client.get_client_credentials_token("client", "secret"))

    with pytest.raises(sdk.rest.ApiException) as refused:
        conversations.get_conversation("c1")

    assert refused.value.status == 403
    assert json.loads(refused.value.body)["messageParams"] == {
        "permissions": "[conversation:communication:view]"
    }
