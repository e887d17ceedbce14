"""The data action in the documentation: its template makes events that are safe to send again."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from entrypoints.regions import HOST_OF_AWS_REGION
from tests.http.keeper import Keeper

PAGE = (Path(__file__).parents[2] / "docs" / "genesys.md").read_text()
ACTION: dict[str, Any] = json.loads(PAGE.partition("```json\n")[2].partition("```")[0])
TEMPLATE: str = ACTION["config"]["request"]["requestTemplate"]
ESCAPED = re.compile(r"\$esc\.jsonString\(\$\{input\.(\w+)\}\)")
AS_IT_IS = re.compile(r"\$\{input\.(\w+)\}")


def filled(**inputs: str) -> bytes:
    """The body that Genesys makes of the template, as its help describes the two ways to put a value in."""
    text = ESCAPED.sub(lambda found: json.dumps(inputs[found[1]])[1:-1], TEMPLATE)
    return AS_IT_IS.sub(lambda found: inputs[found[1]], text).encode()


def event(step: str, occurred_at: str) -> bytes:
    return filled(
        sessionId="conversation-1",
        conversationId="conversation-1",
        eventType='step "known"',
        occurredAt=occurred_at,
        contextJson=json.dumps({"step": step}),
    )


def test_the_contract_has_every_input_of_the_template_and_wants_all_of_them() -> None:
    contract = ACTION["contract"]["input"]["inputSchema"]
    inputs = set(AS_IT_IS.findall(TEMPLATE))

    assert inputs == set(contract["required"]) == set(contract["properties"])
    assert "occurredAt" in inputs


async def test_what_a_flow_sends_again_changes_nothing(keeper: Keeper) -> None:
    first = event("A", "2026-01-01T11:00:00.000Z")
    second = event("B", "2026-01-01T11:00:01.000Z")

    outcomes = []
    for body in (first, second, first, second, first):
        keeper.clock.advance(1)
        answer = await keeper.post_raw(body)
        outcomes.append(answer.json()["outcome"])

    assert outcomes == ["persisted", "persisted", "superseded", "unchanged", "superseded"]
    assert await keeper.context("conversation-1") == {"step": "B"}
    assert "ignoredFields" not in answer.json()


async def test_without_a_time_an_event_that_is_sent_again_counts_as_new(keeper: Keeper) -> None:
    """What the page warns of."""
    for step in "ABA":
        keeper.clock.advance(1)
        await keeper.post(context={"step": step})

    assert await keeper.context() == {"step": "A"}


async def test_the_output_contract_names_what_an_answer_has(keeper: Keeper) -> None:
    answer = (await keeper.post_raw(event("A", "2026-01-01T11:00:00.000Z"))).json()
    described = ACTION["contract"]["output"]["successSchema"]["properties"]

    assert described.keys() <= answer.keys()
    for name, schema in described.items():
        assert isinstance(answer[name], int if schema["type"] == "integer" else str)


@pytest.mark.parametrize(("region", "host"), HOST_OF_AWS_REGION.items())
def test_every_region_is_on_the_page(region: str, host: str) -> None:
    assert f"| {region} | `{host}` |" in PAGE
