"""The pages speak of files that are there."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
FILES_OF_A_WEBHOOK_MAX = 15
PATH = re.compile(r"`((?:domain|application|adapters|entrypoints|tests|benchmarks)/[\w/]+\.\w+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    named = set(PATH.findall(page.read_text(encoding="utf-8")))

    assert {path for path in named if not (PROJECT / path).is_file()} == set()


def test_a_webhook_can_be_followed_through_few_files() -> None:
    page = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    path = page.partition("## The path of one webhook")[2].partition("\n## ")[0]
    files = re.findall(r"^\d+\. `([^`]+)`", path, re.MULTILINE)

    assert files
    assert len(files) == len(set(files)) <= FILES_OF_A_WEBHOOK_MAX
    assert all((PROJECT / file).is_file() for file in files)
