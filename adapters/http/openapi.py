"""What the OpenAPI document says beyond what Litestar reads off the handlers."""

from dataclasses import dataclass

from litestar import Router
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
    SecurityScheme,
)

from adapters.http.answers import (
    AuditAnswer,
    EventAnswer,
    HealthAnswer,
    LiveAnswer,
    ProblemAnswer,
    ReadinessAnswer,
    SessionAnswer,
)
from adapters.http.event_schema import EVENT_EXAMPLE, EVENT_SCHEMA
from adapters.http.schema_page import SCHEMA_PATH, SchemaPage

PROBLEM = "application/problem+json"
Security = list[dict[str, list[str]]]

_HEADERS = {
    "401": ("WWW-Authenticate", "How to prove who one is."),
    "503": ("Retry-After", "Seconds to wait before sending it again."),
}
_SESSION_HEADERS = {
    "200": ("ETag", "Changes with the context, the expiry and the sync."),
    "304": ("ETag", "The one that was given."),
}


@dataclass
class DocumentedOperation(Operation):
    """Adds what Litestar has no words for, the headers of answers, and drops a 400 that is never given."""

    def __post_init__(self) -> None:
        self.responses = {
            status: response
            for status, response in (self.responses or {}).items()
            if status != "400" or PROBLEM in (getattr(response, "content", None) or {})
        }
        headers = _HEADERS | (_SESSION_HEADERS if self.operation_id == "ReadSession" else {})
        for status, response in self.responses.items():
            if isinstance(response, OpenAPIResponse) and status in headers:
                name, description = headers[status]
                text = Schema(type=OpenAPIType.STRING)
                response.headers = {name: OpenAPIHeader(description=description, schema=text)}


@dataclass
class EventOperation(DocumentedOperation):
    """The body is read raw, since its signature is over the raw bytes; so its schema is stated here."""

    def __post_init__(self) -> None:
        super().__post_init__()
        content = {"application/json": OpenAPIMediaType(schema=EVENT_SCHEMA, example=EVENT_EXAMPLE)}
        self.request_body = RequestBody(content=content, required=True)


def _problem(description: str) -> ResponseSpec:
    return ResponseSpec(
        data_container=ProblemAnswer, description=description, media_type=PROBLEM, generate_examples=False
    )


def _json(container: type, description: str) -> ResponseSpec:
    return ResponseSpec(data_container=container, description=description, generate_examples=False)


UNAUTHORISED = {401: _problem("A signature or an API key is wanted, and missing or wrong.")}
UNAVAILABLE = {503: _problem("The store did not answer; sending it again is safe.")}
NO_SUCH_PATH = {404: _problem("The id has a slash in it, so that this is no path of the service.")}
EVENT_RESPONSES = {
    200: _json(EventAnswer, "What became of the event."),
    400: _problem("Not JSON that can be taken in."),
    **UNAUTHORISED,
    413: _problem("The body or the context is too large."),
    415: _problem("Not application/json."),
    422: _problem("A field is missing or wrong, or the context fails its schema."),
    **UNAVAILABLE,
}
SESSION_RESPONSES = {
    200: _json(SessionAnswer, "The session."),
    304: ResponseSpec(data_container=None, description="It is still as `If-None-Match` says."),
    **UNAUTHORISED,
    404: _problem("Unknown or expired."),
    **UNAVAILABLE,
}
AUDIT_RESPONSES = {
    200: _json(AuditAnswer, "A page of the trail, oldest first."),
    400: _problem("A query parameter is wrong."),
    **UNAUTHORISED,
    **NO_SUCH_PATH,
    **UNAVAILABLE,
}
ERASE_RESPONSES = {**UNAUTHORISED, **NO_SUCH_PATH, **UNAVAILABLE}
HEALTH_RESPONSES = {200: _json(HealthAnswer, "Figures since the start of this process.")}
LIVE_RESPONSES = {200: _json(LiveAnswer, "The process runs.")}
METRICS_RESPONSES = {
    200: ResponseSpec(str, generate_examples=False, description="In text format.", media_type="text/plain"),
    **UNAUTHORISED,
}
READY_RESPONSES = {
    200: _json(ReadinessAnswer, "Ready."),
    503: _json(ReadinessAnswer, "Not ready, and why."),
}

_KEY_SCHEME = SecurityScheme(type="http", scheme="bearer", description="An API key.")
_PASSWORD_SCHEME = SecurityScheme(
    type="http", scheme="basic", description="An API key as the password, under any user name."
)
_SIGNATURE_SCHEME = SecurityScheme(
    type="apiKey",
    name="X-Hub-Signature-256",
    security_scheme_in="header",
    description="`sha256=BASE64`, the HMAC-SHA256 of the raw body under a webhook secret.",
)


def caller_security(*, wanted: bool) -> Security:
    return [{"key": []}, {"password": []}] if wanted else []


def webhook_security(*, wanted: bool) -> Security:
    return [{"signature": []}, {"key": []}, {"password": []}] if wanted else []


def openapi_config(version: str, router: Router) -> OpenAPIConfig:
    """The document at `/schema/openapi.json` and the page at `/schema`."""
    return OpenAPIConfig(
        title="Session Keeper",
        version=version,
        description="Keeps the context of Genesys Cloud messaging sessions.",
        path=SCHEMA_PATH,
        openapi_router=router,
        render_plugins=[SchemaPage(), JsonRenderPlugin(path="/openapi.json")],
        components=Components(
            security_schemes={
                "key": _KEY_SCHEME,
                "password": _PASSWORD_SCHEME,
                "signature": _SIGNATURE_SCHEME,
            }
        ),
    )
