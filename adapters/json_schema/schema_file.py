"""A JSON Schema file: read once at the start, and every complaint about it with its line."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs

from adapters.json_schema.validator import JsonSchemaContext

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_WHITESPACE = " \t\n\r"


class SchemaBroken(Exception):
    """The file is no JSON Schema that can be used; the text names the line, where there is one."""


def load_schema(path: Path, *, violations_max: int) -> JsonSchemaContext:
    """The schema in a file, draft 2020-12.

    References to other documents are refused, and regular expressions are those that take linear time
    (no look-around, no back-references).

    Raises:
        SchemaBroken: the file cannot be read, is no JSON, or is no schema that can be used.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SchemaBroken(f"{error}") from error
    try:
        schema = json.loads(text)
    except json.JSONDecodeError as error:
        raise SchemaBroken(f"line {error.lineno}: {error.msg}") from error
    except RecursionError as error:
        raise SchemaBroken("nested too deep") from error
    if isinstance(schema, dict) and schema.get("$schema", DIALECT) != DIALECT:
        raise SchemaBroken(f"line {line_of(text, ['$schema'])}: $schema may only be {DIALECT}")
    try:
        _compiled(schema, mask=None)  # whose complaints may show the schema's own words
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        place = list(getattr(error, "instance_path", []))
        message = getattr(error, "message", str(error)).splitlines()[0]
        raise SchemaBroken(f"line {line_of(text, place)}: {message}") from error
    return JsonSchemaContext(_compiled(schema, mask="***"), violations_max=violations_max)


def _compiled(schema: Any, *, mask: str | None) -> jsonschema_rs.Draft202012Validator:
    """`mask` stands in the place of values of the context in every complaint about one."""
    return jsonschema_rs.Draft202012Validator(
        schema,
        mask=mask,
        retriever=_refuse,
        pattern_options=jsonschema_rs.RegexOptions(),
        validate_formats=True,
    )


def _refuse(uri: str) -> Any:
    raise ValueError(f"references to other documents are refused: {uri}")


def line_of(text: str, place: list[str | int]) -> int:
    """The line, from 1, on which a member or element of a valid JSON text begins."""
    at = _skip(text, 0)
    for part in place:
        at = _member(text, at, part)
    return text.count("\n", 0, at) + 1


def _member(text: str, at: int, part: str | int) -> int:
    """Where the value of a member or element begins; the container itself, if it has no such part."""
    decoder, container, count = json.JSONDecoder(), at, 0
    in_object = text[at] == "{"
    if text[at] not in "{[":
        return container
    at = _skip(text, at + 1)
    while text[at] not in "}]":
        name: str | int = count
        if in_object:
            name, at = decoder.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        if name == part:
            return at
        _, at = decoder.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
        count += 1
    return container


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _WHITESPACE:
        at += 1
    return at
