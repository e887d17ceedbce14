"""The service against its own OpenAPI document: never a 500, and every answer is as documented."""

from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from entrypoints.settings import Settings
from tests.fakes import FakeClock
from tests.http.keeper import FragileStore, keeper_app

OPERATIONS = {
    "POST /webhook/messaging": 150,
    "GET /sessions/{session_id}": 50,
    "DELETE /sessions/{session_id}": 25,
    "GET /sessions/{session_id}/audit": 50,
    "GET /health": 1,
    "GET /health/live": 1,
    "GET /health/ready": 1,
    "GET /metrics": 1,
}
KEY = {"Authorization": "Bearer k"}
schemathesis.checks.load_all_checks()


def schema_of(values: Settings) -> schemathesis.BaseSchema:
    app = keeper_app(values, FragileStore(), FakeClock())
    return schemathesis.openapi.from_asgi("/schema/openapi.json", app, headers=KEY)


@pytest.fixture(scope="module")
def open_schema() -> schemathesis.BaseSchema:
    return schema_of(Settings(store_url="memory://"))


@pytest.fixture(scope="module")
def guarded_schema() -> schemathesis.BaseSchema:
    return schema_of(Settings(store_url="memory://", api_keys=("k",), webhook_secret=("s",)))


def answers_of(
    schema: schemathesis.BaseSchema, label: str, mode: GenerationMode, examples: int
) -> Counter[int]:
    """How often which status was answered; raises when an answer is not as documented."""
    method, path = label.split(" ")
    statuses: Counter[int] = Counter()

    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case[Any]) -> None:
        answer = case.call(headers=KEY)
        statuses[answer.status_code] += 1
        # JSON Schema cannot say which names, numbers and texts are refused with 400 at any depth of a body,
        # nor which texts are cursors.
        beyond = method == "POST" or "after" in (case.query or {})
        case.validate_response(answer, excluded_checks=[positive_data_acceptance] if beyond else [])

    ask()
    return statuses


@pytest.mark.parametrize("label", OPERATIONS)
def test_answers_to_what_is_documented_are_as_documented(
    open_schema: schemathesis.BaseSchema, label: str
) -> None:
    statuses = answers_of(open_schema, label, GenerationMode.POSITIVE, OPERATIONS[label])

    assert statuses
    assert max(statuses) < 500


@pytest.mark.parametrize("label", ["POST /webhook/messaging", "GET /sessions/{session_id}/audit"])
def test_answers_to_what_is_against_the_document_are_as_documented(
    open_schema: schemathesis.BaseSchema, label: str
) -> None:
    statuses = answers_of(open_schema, label, GenerationMode.NEGATIVE, OPERATIONS[label])

    assert statuses
    assert max(statuses) < 500


@pytest.mark.parametrize("label", [label for label in OPERATIONS if label.startswith(("GET", "DELETE"))])
def test_keys_are_wanted_where_the_document_says_so(
    guarded_schema: schemathesis.BaseSchema, label: str
) -> None:
    statuses = answers_of(guarded_schema, label, GenerationMode.POSITIVE, min(10, OPERATIONS[label]))

    assert 401 not in statuses


def test_every_operation_is_tried(open_schema: schemathesis.BaseSchema) -> None:
    operations = list(open_schema.get_all_operations())
    valid = [operation.ok() for operation in operations if isinstance(operation, Ok)]

    assert len(valid) == len(operations)
    assert {operation.label for operation in valid} == set(OPERATIONS)
