"""Genesys' error body, and which failure of ours gives which one.

Source: the model `ErrorBody` of the official SDKs, the error codes of the Platform API's OpenAPI file,
and Genesys' announcement of normalised 429 answers (2021-11-10).
"""

import msgspec

CODES: dict[int, tuple[str, str]] = {
    400: ("bad.request", "The request could not be understood by the server due to malformed syntax."),
    401: ("bad.credentials", "Invalid login credentials."),
    403: ("not.authorized", "You are not authorized to perform the requested action."),
    404: ("not.found", "The requested resource was not found."),
    405: ("method.not.allowed", "The request method is not supported by this resource."),
    413: ("request.entity.too.large", "The request is over the size limit."),
    415: ("unsupported.media.type", "Unsupported Media Type - Unsupported or incorrect media type."),
    429: ("too.many.requests.retry.after", "Rate limit exceeded the maximum."),
    500: ("internal.server.error", "The server encountered an unexpected condition."),
    502: ("bad.gateway", "The server received an invalid answer from upstream."),
    503: ("service.unavailable", "Service Unavailable - The server is currently unavailable."),
    504: ("request.timeout", "The request timed out."),
}
"""Status to Genesys' code and a message."""


class ErrorDetail(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    error_code: str
    field_name: str | None = None


class ErrorLimit(msgspec.Struct, kw_only=True):
    """Which limit was met (SDK: model `Limit`; `platform.api` is the namespace of API rates)."""

    key: str
    namespace: str
    value: int


class ErrorBody(msgspec.Struct, rename="camel", kw_only=True):
    """`contextId` is the correlation id, the same as in the header `ININ-Correlation-Id`."""

    message: str
    code: str
    status: int
    context_id: str
    entity_id: str | msgspec.UnsetType = msgspec.UNSET
    entity_name: str | msgspec.UnsetType = msgspec.UNSET
    message_with_params: str | msgspec.UnsetType = msgspec.UNSET
    message_params: dict[str, str] = {}
    details: list[ErrorDetail] = []
    errors: list["ErrorBody"] = []
    limit: ErrorLimit | msgspec.UnsetType = msgspec.UNSET


class GenesysError(Exception):
    """An answer that is an error; raised anywhere, rendered in one place.

    `retry_after` is the value of the header of that name, None for no header. With a `template`, the
    message is the template with its `{name}` filled from `params`, and the body has all three.
    """

    def __init__(
        self,
        status: int,
        message: str | None = None,
        *,
        code: str | None = None,
        entity: tuple[str, str] | None = None,
        details: list[ErrorDetail] | None = None,
        retry_after: str | None = None,
        limit: ErrorLimit | None = None,
        template: str | None = None,
        params: dict[str, str] | None = None,
    ) -> None:
        default_code, default_message = CODES.get(status, CODES[500 if status >= 500 else 400])  # noqa: PLR2004 - 5xx are ours
        if template is not None:
            message = template.format_map(params or {})
        super().__init__(message or default_message)
        self.status = status
        self.code = code or default_code
        self.entity = entity
        self.details = details or []
        self.retry_after = retry_after
        self.limit = limit
        self.template = template
        self.params = params or {}

    def body(self, context_id: str) -> ErrorBody:
        name, entity_id = self.entity or (msgspec.UNSET, msgspec.UNSET)
        return ErrorBody(
            message=str(self),
            code=self.code,
            status=self.status,
            context_id=context_id,
            entity_id=entity_id,
            entity_name=name,
            message_with_params=self.template or msgspec.UNSET,
            message_params=self.params,
            details=self.details,
            limit=self.limit or msgspec.UNSET,
        )

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after is None else {"Retry-After": self.retry_after}


def not_found(entity_name: str, entity_id: str) -> GenesysError:
    return GenesysError(
        404, f"The requested {entity_name} {entity_id} was not found.", entity=(entity_name, entity_id)
    )


def too_many_requests(retry_after: str | None, *, seconds: int, limit: int) -> GenesysError:
    """429 in its documented wording: "Retry the request in [42] seconds"."""
    return GenesysError(
        429,
        f"Rate limit exceeded the maximum. Retry the request in [{seconds}] seconds",
        retry_after=retry_after,
        limit=ErrorLimit(
            key="client.credentials.token.rate.per.minute", namespace="platform.api", value=limit
        ),
    )
