"""What a deployment wants of contexts: a schema, and what becomes of one that is too large."""

import json
from pathlib import Path

from tests.http.keeper import pointers, problem, running_keeper


async def test_a_context_that_fails_the_schema_is_refused_with_every_place(tmp_path: Path) -> None:
    path = tmp_path / "context.schema.json"
    schema = {"type": "object", "required": ["tier"], "properties": {"age": {"type": "integer"}}}
    path.write_text(json.dumps(schema), encoding="utf-8")
    async with running_keeper(context_schema=str(path)) as keeper:
        answer = await keeper.post(context={"age": "4111-1111"})
        taken = await keeper.post(sessionId="t", context={"age": 1, "tier": "gold"})

        assert {"/context", "/context/age"} == set(pointers(answer, 422))
        assert "4111" not in answer.text
        assert taken.json()["outcome"] == "persisted"
        assert await keeper.actions() == ["SESSION_PERSISTENCE_FAILURE"]


async def test_a_merge_is_held_to_the_schema_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "context.schema.json"
    path.write_text(json.dumps({"required": ["tier"]}), encoding="utf-8")
    async with running_keeper(context_schema=str(path)) as keeper:
        await keeper.post(context={"tier": "gold"})
        keeper.clock.advance(1)
        added = await keeper.post(context={"more": 1}, contextMode="merge")
        keeper.clock.advance(1)
        removed = await keeper.post(context={"tier": None}, contextMode="merge")

        assert added.status_code == 200
        problem(removed, 422)
        assert await keeper.context() == {"more": 1, "tier": "gold"}


async def test_a_pruned_context_is_answered_with_what_was_taken_out() -> None:
    context = {"kept": 1, "deep": {"deeper": {"deepest": "x" * 9000}}}
    async with running_keeper(context_overflow="prune") as keeper:
        answer = await keeper.post(context=context)
        served = await keeper.context()

        assert (answer.status_code, answer.json()["outcome"]) == (200, "persisted")
        assert answer.json()["pruned"]
        assert all(pointer.startswith("/context/deep") for pointer in answer.json()["pruned"])
        assert answer.json()["prunedCount"] == len(answer.json()["pruned"])
        assert served["kept"] == 1
        assert "xxx" not in json.dumps(served)


async def test_what_cannot_be_made_to_fit_is_refused_all_the_same() -> None:
    async with running_keeper(context_overflow="prune", context_essential=("kept",)) as keeper:
        answer = await keeper.post(context={"kept": "x" * 9000})

    assert problem(answer, 413)["largest"][0]["name"] == "kept"
