"""What the OpenAPI document says beyond what Litestar reads off the handlers."""

from pathlib import Path
from typing import Any

from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin, SwaggerRenderPlugin
from litestar.openapi.spec import OpenAPIFormat, OpenAPIType, Schema

from adapters.http.answers import (
    AuditAnswer,
    EventAnswer,
    HealthAnswer,
    ProblemAnswer,
    ReadinessAnswer,
    SessionAnswer,
)

SWAGGER_UI = Path(__file__).parent / "swagger_ui"
SWAGGER_UI_PATH = "/schema/assets"
PROBLEM = "application/problem+json"


def _text(max_length: int, description: str, pattern: str | None = None) -> Schema:
    return Schema(
        type=OpenAPIType.STRING,
        min_length=1,
        max_length=max_length,
        pattern=pattern,
        description=description,
    )


EVENT_SCHEMA: dict[str, Any] = {
    "type": OpenAPIType.OBJECT,
    "required": ["sessionId", "eventType"],
    "properties": {
        "sessionId": _text(128, "The session.", "^[A-Za-z0-9._:-]{1,128}$"),
        "eventType": _text(128, "`session-ended` and `session-expired` end it; all else is activity."),
        "context": Schema(
            type=OpenAPIType.OBJECT, description="The context variables; absent: left as they are."
        ),
        "contextMode": Schema(
            type=OpenAPIType.STRING,
            enum=["replace", "merge"],
            description="`merge` sets the variables given and removes those given as null.",
        ),
        "occurredAt": Schema(
            one_of=[
                Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME),
                Schema(type=OpenAPIType.INTEGER, minimum=0, maximum=253_402_300_799_999),
            ],
            description="RFC 3339 or epoch milliseconds; absent: the time of arrival.",
        ),
        "ttlSeconds": Schema(type=OpenAPIType.INTEGER, description="Time to live, within the bounds."),
        "conversationId": _text(256, "Where to write back; defaults to `sessionId`."),
        "participantId": _text(256, "Whom to write back to; absent: the newest customer is looked up."),
        "subjectId": _text(256, "Who the session is with."),
    },
}


def _problem(description: str) -> ResponseSpec:
    return ResponseSpec(
        data_container=ProblemAnswer,
        description=description,
        media_type=PROBLEM,
        generate_examples=False,
    )


def _json(container: type, description: str) -> ResponseSpec:
    return ResponseSpec(data_container=container, description=description, generate_examples=False)


UNAUTHORISED = {401: _problem("A signature or an API key is wanted, and missing or wrong.")}
UNAVAILABLE = {503: _problem("The store did not answer; sending it again is safe.")}
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
    **UNAUTHORISED,
    404: _problem("Unknown or expired."),
    **UNAVAILABLE,
}
AUDIT_RESPONSES = {
    200: _json(AuditAnswer, "A page of the trail, oldest first."),
    400: _problem("A query parameter is wrong."),
    **UNAUTHORISED,
    **UNAVAILABLE,
}
ERASE_RESPONSES = {**UNAUTHORISED, **UNAVAILABLE}
HEALTH_RESPONSES = {200: _json(HealthAnswer, "Figures since the start of this process.")}
READY_RESPONSES = {
    200: _json(ReadinessAnswer, "Ready."),
    503: _json(ReadinessAnswer, "Not ready, and why."),
}


def openapi_config(version: str) -> OpenAPIConfig:
    """The document at `/schema/openapi.json`, and a page at `/schema` that loads nothing from elsewhere."""
    return OpenAPIConfig(
        title="Session Keeper",
        version=version,
        description="Keeps the context of Genesys Cloud messaging sessions.",
        path="/schema",
        render_plugins=[
            SwaggerRenderPlugin(
                js_url=f"{SWAGGER_UI_PATH}/swagger-ui-bundle.js",
                css_url=f"{SWAGGER_UI_PATH}/swagger-ui.css",
                standalone_preset_js_url=f"{SWAGGER_UI_PATH}/swagger-ui-standalone-preset.js",
                favicon="<link rel='icon' href='data:,'>",
                path=["/", "/swagger"],
            ),
            JsonRenderPlugin(path="/openapi.json"),
        ],
    )
