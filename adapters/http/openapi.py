"""What the OpenAPI document says beyond what Litestar reads off the handlers."""

from dataclasses import dataclass

from litestar import Router
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPIFormat,
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
from adapters.http.schema_page import SCHEMA_PATH, SchemaPage

PROBLEM = "application/problem+json"
Security = list[dict[str, list[str]]]

_NULL = OpenAPIType.NULL


def _text(max_length: int, description: str) -> Schema:
    return Schema(
        type=[OpenAPIType.STRING, _NULL], min_length=1, max_length=max_length, description=description
    )


EVENT_SCHEMA = Schema(
    type=OpenAPIType.OBJECT,
    description="A field that is null is as one that is absent; unknown fields are ignored.",
    required=["sessionId", "eventType"],
    properties={
        "sessionId": Schema(
            type=OpenAPIType.STRING, pattern="^[A-Za-z0-9._:-]{1,128}$", description="The session."
        ),
        "eventType": Schema(
            type=OpenAPIType.STRING,
            min_length=1,
            max_length=128,
            description="`session-ended` and `session-expired` end the session; all else is activity.",
        ),
        "context": Schema(
            type=[OpenAPIType.OBJECT, _NULL],
            description="The context variables; absent: left as they are. Numbers are within ±(2^53-1); "
            "`__proto__`, `constructor` and `prototype` are no names, at any depth.",
        ),
        "contextMode": Schema(
            enum=["replace", "merge", None],
            description="Absent: `replace`. `merge` sets variables, and removes those given as null.",
        ),
        "occurredAt": Schema(
            one_of=[
                Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME),
                Schema(type=OpenAPIType.NUMBER, minimum=0, maximum=253_402_300_799_999),
                Schema(type=_NULL),
            ],
            description="RFC 3339 or epoch milliseconds, from 1970 to 9999; absent: the time of arrival.",
        ),
        "ttlSeconds": Schema(
            type=[OpenAPIType.INTEGER, _NULL],
            minimum=1,
            description="Time to live from the arrival on, within the bounds that the service has set.",
        ),
        "conversationId": _text(256, "Where to write back; absent: `sessionId`."),
        "participantId": _text(256, "Whom to write back to; absent: the newest customer is looked up."),
        "subjectId": _text(256, "Who the session is with."),
    },
)
EVENT_EXAMPLE = {
    "sessionId": "5f0c2a1e-7d53-4a0e-9b36-0f6b1c9d2e41",
    "eventType": "message-received",
    "context": {"customerTier": "gold", "cart": {"items": 2}},
    "contextMode": "merge",
    "occurredAt": "2026-01-01T12:00:00.000Z",
    "ttlSeconds": 3600,
}
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
    """The body is read raw, since its signature is over the raw bytes; so its schema is told here."""

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
_PASSWORD_SCHEME = SecurityScheme(type="http", scheme="basic", description="An API key as the password.")
_SIGNATURE_SCHEME = SecurityScheme(
    type="apiKey",
    name="X-Hub-Signature-256",
    security_scheme_in="header",
    description="`sha256=BASE64`, the HMAC-SHA256 of the raw body under a webhook secret.",
)


def caller_security(*, wanted: bool) -> Security:
    return [{"key": []}] if wanted else []


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
