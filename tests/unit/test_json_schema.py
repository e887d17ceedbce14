"""JSON Schemas for contexts: what they find, and what is refused of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.json_schema.schema_file import SchemaBroken, line_of, load_schema
from domain.context.variables import ContextVariables
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Policies
from domain.errors import InvalidEvent
from tests.factories import at, event, merge


@pytest.fixture
def schema_file(tmp_path: Path) -> Path:
    return tmp_path / "schema.json"


def violations(path: Path, schema: Any, context: dict[str, Any], most: int = 10) -> list[tuple[str, str]]:
    path.write_text(json.dumps(schema))
    found = load_schema(path, violations_max=most).violations(ContextVariables.from_json(context).document)
    assert "secret" not in repr(found)
    return sorted((violation.pointer, violation.code) for violation in found)


def test_every_violation_is_found_with_its_place_and_without_the_value(schema_file: Path) -> None:
    schema = {
        "type": "object",
        "required": ["customerId"],
        "properties": {
            "step": {"enum": ["a", "b"]},
            "cart": {"type": "array", "items": {"type": "object", "required": ["item"]}},
            "mail": {"type": "string", "maxLength": 3, "format": "email"},
        },
    }

    found = violations(schema_file, schema, {"step": "secret", "cart": [{}, 1], "mail": "secret words"})

    assert found == [
        ("/context", "schema_required"),
        ("/context/cart/0", "schema_required"),
        ("/context/cart/1", "schema_type"),
        ("/context/mail", "schema_format"),
        ("/context/mail", "schema_maxLength"),
        ("/context/step", "schema_enum"),
    ]


def test_a_context_that_fits_has_no_violations(schema_file: Path) -> None:
    assert violations(schema_file, {"type": "object", "maxProperties": 2}, {"a": 1, "b~/": "ü"}) == []


def test_the_number_of_violations_is_bounded(schema_file: Path) -> None:
    context = {f"v{n}": n for n in range(100)}

    assert len(violations(schema_file, {"additionalProperties": {"type": "string"}}, context, most=7)) == 7


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1:"),
        ('{\n "type": "object"\n "title": "a"}', "line 3:"),
        ('{\n "properties": {\n  "a": 1,\n  "b": {\n   "type": "nonsense"}}}', "line 3:"),
        ('{\n "properties": {\n  "b": {\n   "type": "nonsense"}}}', "line 4:"),
        ('{\n "$ref": "http://127.0.0.1:9/schema.json"}', "references to other documents are refused"),
        ('{"$ref": "file:///etc/passwd"}', "references to other documents are refused"),
        ('{"$ref": "#/nowhere"}', "does not exist"),
        ('{\n\n "pattern": "(?=look)ahead"}', "line 3:"),
        ('{\n "$schema": "http://json-schema.org/draft-07/schema#"}', "line 2:"),
        ("[" * 100_000, "nested too deep"),
        ("[1]", "line 1:"),
    ],
)
def test_a_broken_schema_is_refused_with_its_line(schema_file: Path, text: str, complaint: str) -> None:
    schema_file.write_text(text)

    with pytest.raises(SchemaBroken, match=r".") as broken:
        load_schema(schema_file, violations_max=10)

    assert complaint in str(broken.value)


def test_a_schema_that_is_not_there_is_refused(schema_file: Path) -> None:
    with pytest.raises(SchemaBroken, match="No such file"):
        load_schema(schema_file, violations_max=10)


def test_regular_expressions_take_linear_time(schema_file: Path) -> None:
    schema = {"properties": {"a": {"pattern": "^(a+)+$"}}}

    found = violations(schema_file, schema, {"a": "a" * 50_000 + "!"})

    assert found == [("/context/a", "schema_pattern")]


def test_the_merged_document_is_what_is_checked(schema_file: Path) -> None:
    schema_file.write_text('{"required": ["a", "b"]}')
    rules = Policies(schema=load_schema(schema_file, violations_max=10).violations)
    first = decide_event(None, event({"a": 1, "b": 2}, seconds=0), rules, at(0))
    assert first.refusal is None

    good = decide_event(first.state, merge({"a": 3}, seconds=1), rules, at(1))
    bad = decide_event(first.state, merge({"b": None}, seconds=1), rules, at(1))

    assert good.refusal is None
    assert isinstance(bad.refusal, InvalidEvent)
    assert [v.code for v in bad.refusal.violations] == ["schema_required"]


def test_lines_are_counted_through_texts_and_escapes() -> None:
    text = '{"a,}\\"": [1, "]\\\\",\n {"b":\n  2}], "c": {\n}}'

    assert line_of(text, []) == 1
    assert line_of(text, ['a,}"', 2]) == 2
    assert line_of(text, ['a,}"', 2, "b"]) == 3
    assert line_of(text, ["c"]) == 3
    assert line_of(text, ["missing"]) == 1
