"""The body of a webhook in the words of OpenAPI; `event_body` holds senders to it."""

from litestar.openapi.spec import OpenAPIFormat, OpenAPIType, Schema

_NULL = OpenAPIType.NULL


_DOTS = Schema(enum=[".", ".."])


def _path_id(description: str) -> Schema:
    return Schema(
        type=[OpenAPIType.STRING, _NULL],
        min_length=1,
        max_length=256,
        pattern=r"^[^\x00-\x1f\x7f-\xa0]*$",
        schema_not=_DOTS,
        description=f"{description} Printable; no segment of it is `.` or `..`.",
    )


EVENT_SCHEMA = Schema(
    type=OpenAPIType.OBJECT,
    description="A field that is null is as one that is absent. Unknown fields are named in `ignoredFields`; "
    "one that differs from a known name by case, `_`, `-` or one letter is refused.",
    required=["sessionId", "eventType"],
    properties={
        "sessionId": Schema(
            type=OpenAPIType.STRING,
            pattern="^[A-Za-z0-9._:-]{1,128}$",
            schema_not=_DOTS,
            description="The session; neither `.` nor `..`. The conversation id is a good one.",
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
                Schema(type=OpenAPIType.NUMBER, minimum=0, exclusive_maximum=253_402_300_800_000),
                Schema(type=_NULL),
            ],
            description="RFC 3339 or epoch milliseconds, from 1970 to 9999; absent: the time of arrival.",
        ),
        "ttlSeconds": Schema(
            type=[OpenAPIType.INTEGER, _NULL],
            minimum=1,
            description="Time to live from the arrival on, within the bounds that the service has set.",
        ),
        "conversationId": _path_id("Where to write back; absent: `sessionId`."),
        "participantId": _path_id("Whom to write back to; absent: the newest customer is looked up."),
        "subjectId": Schema(
            type=[OpenAPIType.STRING, _NULL],
            min_length=1,
            max_length=255,
            pattern=r"^[^\x00-\x1f\x7f-\xa0]*$",
            description="Who the session is with, printable.",
        ),
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
