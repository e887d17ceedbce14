"""The login host's token call, and the API's calls about the token itself."""

import base64
import binascii
import secrets
from typing import Any
from urllib.parse import parse_qs

from litestar import MediaType, Request, Response, delete, get, head, post
from litestar.di import NamedDependency

from adapters.genesys_emulator.organization import ORGANIZATION
from adapters.genesys_emulator.state import EmulatorState
from adapters.genesys_emulator.tokens import Token

AnyRequest = Request[Any, Any, Any]
_FORM = "application/x-www-form-urlencoded"


@post("/oauth/token", status_code=200)
async def issue_token(request: AnyRequest, emulator: NamedDependency[EmulatorState]) -> Response[Any]:
    """Client credentials, as HTTP Basic or as fields of the form (RFC 6749, 2.3.1 and 4.4).

    200 `{access_token, token_type, expires_in}` with `expires_in` in seconds. What Genesys answers to wrong
    credentials is not published; here it is RFC 6749, 5.2: 401 `invalid_client`, and 400
    `invalid_request` or `unsupported_grant_type`.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return _oauth_error(400, "invalid_request", f"The body must be {_FORM}.")
    form = {name: values[0] for name, values in parse_qs((await request.body()).decode("latin-1")).items()}
    grant = form.get("grant_type", "")
    if grant != "client_credentials":
        error = "unsupported_grant_type" if grant else "invalid_request"
        return _oauth_error(400, error, "grant_type must be client_credentials.")
    basic = request.headers.get("authorization", "")
    client = _basic_pair(basic) if basic else (form.get("client_id", ""), form.get("client_secret", ""))
    if client is None or not _is_known(client, emulator):
        return _oauth_error(401, "invalid_client", "Client authentication failed.")
    seconds = emulator.settings.token_seconds
    token = emulator.tokens.issue(client[0], emulator.clock(), seconds=seconds)
    emulator.statistics.tokens_issued += 1
    return Response(
        {"access_token": token.value, "token_type": "bearer", "expires_in": seconds},
        headers={"Cache-Control": "no-store"},
    )


@get("/api/v2/tokens/me")
async def describe_token(request: AnyRequest) -> dict[str, Any]:
    """The part of Genesys' `TokenInfo` that names the client."""
    token: Token = request.scope["state"]["token"]
    return {
        "organization": ORGANIZATION,
        "homeOrganization": ORGANIZATION,
        "authorizedScope": [],
        "OAuthClient": {"id": token.client_id, "organization": ORGANIZATION},
    }


@head("/api/v2/tokens/me", media_type=MediaType.TEXT)
async def verify_token() -> None:
    """200 without a body; a token that is not valid never comes this far."""


@delete("/api/v2/tokens/me", status_code=200)
async def revoke_token(request: AnyRequest, emulator: NamedDependency[EmulatorState]) -> Response[bytes]:
    token: Token = request.scope["state"]["token"]
    emulator.tokens.revoke(token.value)
    return Response(b"", media_type=MediaType.TEXT)


def _basic_pair(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    client_id, colon, client_secret = text.partition(":")
    return (client_id, client_secret) if colon else None


def _is_known(client: tuple[str, str], emulator: EmulatorState) -> bool:
    wanted = (emulator.settings.client_id, emulator.settings.client_secret)
    return all(
        bool(given) if expected is None else secrets.compare_digest(given.encode(), expected.encode())
        for given, expected in zip(client, wanted, strict=True)
    )


def _oauth_error(status: int, error: str, description: str) -> Response[Any]:
    challenge = {"WWW-Authenticate": 'Basic realm="oauth"'} if status == 401 else {}  # noqa: PLR2004 - RFC 6749, 5.2
    return Response({"error": error, "error_description": description}, status_code=status, headers=challenge)
