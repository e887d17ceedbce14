"""The organisation and the client that a token stands for."""

from typing import Annotated, Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from adapters.genesys_emulator.permissions import policies
from adapters.genesys_emulator.state import EmulatorState
from adapters.genesys_emulator.tokens import Token

AnyRequest = Request[Any, Any, Any]
ORGANIZATION = {"id": "00000000-0000-4000-8000-000000000001", "name": "Genesys emulator"}
_DIVISION_ID = "00000000-0000-4000-8000-000000000002"
_ROLE_ID = "00000000-0000-4000-8000-000000000003"


@get("/api/v2/organizations/me")
async def describe_organization() -> dict[str, Any]:
    """The part of Genesys' `Organization` that names it."""
    return {
        **ORGANIZATION,
        "defaultLanguage": "en-us",
        "defaultCountryCode": "US",
        "thirdPartyOrgName": "genesys-emulator",
        "domain": "genesys-emulator",
        "version": 1,
        "state": "active",
        "voicemailEnabled": False,
        "productPlatform": "GenesysCloud",
        "selfUri": "/api/v2/organizations/me",
    }


@get("/api/v2/authorization/subjects/me")
async def describe_subject(
    request: AnyRequest,
    emulator: NamedDependency[EmulatorState],
    include_full_roles: Annotated[bool, QueryParameter(name="includeFullRoles")] = False,  # noqa: FBT002 - a query
) -> dict[str, Any]:
    """The client as Genesys' `AuthzSubject`: one role in the home division.

    The role has its policies only with `includeFullRoles=true`.
    """
    token: Token = request.scope["state"]["token"]
    role: dict[str, Any] = {
        "id": _ROLE_ID,
        "name": "Role of the emulated client",
        "default": False,
        "selfUri": f"/api/v2/authorization/roles/{_ROLE_ID}",
    }
    if include_full_roles:
        role["policies"] = policies(emulator.settings.permissions)
    division = {
        "id": _DIVISION_ID,
        "name": "Home",
        "homeDivision": True,
        "selfUri": f"/api/v2/authorization/divisions/{_DIVISION_ID}",
    }
    return {
        "id": token.client_id,
        "name": token.client_id,
        "grants": [{"subjectId": token.client_id, "division": division, "role": role}],
        "version": 1,
        "selfUri": f"/api/v2/authorization/subjects/{token.client_id}",
    }
