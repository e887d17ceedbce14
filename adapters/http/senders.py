"""Who may call: a signature of the body, or an API key.

Genesys signs open messaging webhooks with `X-Hub-Signature-256: sha256=BASE64`, the HMAC-SHA256 of the
body under a shared secret (Genesys' page on validating outbound notifications). A Web Services Data
Action cannot sign; it sends an API key, as Bearer token or as the password of HTTP Basic. Whatever takes
a key takes it in either form.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from adapters.http.errors import NotAuthorised

_SCHEME = "sha256="
# Chromium takes a header line for one challenge, the first; a browser knows no Bearer.
CHALLENGE = 'Basic realm="session-keeper", Bearer realm="session-keeper"'
_SIGNATURE = "the signature in X-Hub-Signature-256"
_KEY = "the API key in Authorization"
_BLANKS = " \t"  # not str.strip(): bytes of a key in UTF-8 may look like other white space


@dataclass(frozen=True, slots=True, kw_only=True)
class Senders:
    """Attributes:
    webhook_secrets: any of them may sign, so that one can be replaced by another; none: all may call.
    api_keys: any of them opens; none: all may call.
    """

    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    api_keys: tuple[str, ...] = field(default=(), repr=False)

    def check_webhook(self, body: bytes, signature: str | None, authorization: str | None) -> None:
        """Raises NotAuthorised."""
        if not self.webhook_secrets or self._is_signed(body, signature) or self._has_key(authorization):
            return
        raise NotAuthorised(self._what_is_wrong(signature, authorization), CHALLENGE)

    def check_caller(self, authorization: str | None) -> None:
        """Raises NotAuthorised."""
        if self.api_keys and not self._has_key(authorization):
            said = "wrong" if authorization else "missing"
            raise NotAuthorised(f"{_KEY} is {said}", CHALLENGE)

    def guard(self, connection: ASGIConnection, _: BaseRouteHandler) -> None:  # type: ignore[type-arg]
        """`check_caller` as a Litestar guard, which runs before anything of the body is read."""
        self.check_caller(connection.headers.get("authorization"))

    def _what_is_wrong(self, signature: str | None, authorization: str | None) -> str:
        if not self.api_keys:
            said = "wrong" if signature else "missing"
            beside = ", and no API key is set that could stand in its place" if authorization else ""
            return f"{_SIGNATURE} is {said}{beside}"
        if signature and authorization:
            return f"neither {_SIGNATURE} nor {_KEY} is right"
        if signature:
            return f"{_SIGNATURE} is wrong"
        if authorization:
            return f"{_KEY} is wrong"
        return "a signature in X-Hub-Signature-256 or an API key in Authorization is wanted, and missing"

    def _is_signed(self, body: bytes, signature: str | None) -> bool:
        if signature is None or not signature.startswith(_SCHEME):
            return False
        given = signature.removeprefix(_SCHEME).encode()
        wanted = (
            base64.b64encode(hmac.digest(_bytes(secret), body, hashlib.sha256))
            for secret in self.webhook_secrets
        )
        return any([hmac.compare_digest(given, right) for right in wanted])  # noqa: C419 - all are compared, whichever is right

    def _has_key(self, authorization: str | None) -> bool:
        given = _bearer(authorization)
        key = _basic_password(authorization) if given is None else given
        if key is None:
            return False
        return any([hmac.compare_digest(key, _bytes(right)) for right in self.api_keys])  # noqa: C419 - as above


def _bytes(secret: str) -> bytes:
    """The bytes of a setting, also when they were no UTF-8 in the environment."""
    return secret.encode("utf-8", "surrogateescape")


def _bearer(authorization: str | None) -> bytes | None:
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip(_BLANKS).encode("latin-1", "replace") if scheme.lower() == "bearer" else None


def _basic_password(authorization: str | None) -> bytes | None:
    scheme, _, text = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(text.strip(_BLANKS), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return None
