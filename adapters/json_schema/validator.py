"""Checks of a context against a JSON Schema, without ever showing a value."""

from itertools import islice

import jsonschema_rs
import msgspec

from application.ports.schema import ContextSchema
from domain.errors import Violation
from domain.json_pointer import CONTEXT, pointer_to

DETAIL_LENGTH_MAX = 300


class JsonSchemaContext(ContextSchema):
    """A compiled schema; it may be used by many threads."""

    def __init__(self, validator: jsonschema_rs.Draft202012Validator, *, violations_max: int) -> None:
        self._validator = validator
        self._violations_max = violations_max

    def violations(self, document: bytes) -> tuple[Violation, ...]:
        context = msgspec.json.decode(document)
        if self._validator.is_valid(context):
            return ()
        errors = islice(self._validator.iter_errors(context), self._violations_max)
        return tuple(_violation(error) for error in errors)


def _violation(error: jsonschema_rs.ValidationError) -> Violation:
    pointer = pointer_to(error.instance_path, root=CONTEXT)
    return Violation(pointer, f"schema_{error.kind.name}", error.message[:DETAIL_LENGTH_MAX])
