"""What is logged beside a message gets through: the log set-up drops every key that it does not list."""

import ast
from collections.abc import Iterator
from pathlib import Path

from entrypoints.logs import ALLOWED

PROJECT = Path(__file__).parents[2]
PACKAGES = ("domain", "application", "adapters", "entrypoints")


def logged_keys(path: Path) -> Iterator[str]:
    """The keys of every `extra=`, written there or, by the habit of this code, in a variable `facts`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        given: list[ast.expr] = []
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("_log."):
            given = [keyword.value for keyword in node.keywords if keyword.arg == "extra"]
        elif isinstance(node, ast.Assign) and [ast.unparse(one) for one in node.targets] == ["facts"]:
            given = [node.value]
        for value in given:
            for part in ast.walk(value):
                if isinstance(part, ast.Dict):
                    yield from (str(key.value) for key in part.keys if isinstance(key, ast.Constant))


def test_every_key_that_is_logged_is_on_the_list() -> None:
    keys = {
        (str(path.relative_to(PROJECT)), key)
        for package in PACKAGES
        for path in (PROJECT / package).rglob("*.py")
        for key in logged_keys(path)
    }

    assert ("application/sync/conclusions.py", "session_id") in keys
    assert {(path, key) for path, key in keys if key not in ALLOWED} == set()
