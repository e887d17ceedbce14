"""What README and docs say about settings and commands is true, and their links lead somewhere."""

import re
from pathlib import Path

import pytest

from entrypoints.cli import cli
from entrypoints.settings import Settings

PROJECT = Path(__file__).parents[2]
README = (PROJECT / "README.md").read_text()
SETTINGS = (PROJECT / "docs" / "settings.md").read_text()
PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")])
TABLE = SETTINGS.partition("<!-- settings -->")[2].partition("<!-- /settings -->")[0]
ROWS = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", TABLE, re.MULTILINE))
DERIVED = {"GENESYS_API_URL", "GENESYS_LOGIN_URL"}


def test_every_setting_has_its_line_and_every_line_its_setting() -> None:
    assert set(ROWS) == {name.upper() for name in Settings.__struct_fields__}


@pytest.mark.parametrize("name", sorted(set(ROWS) - DERIVED))
def test_the_default_of_a_setting_is_the_one_that_its_line_names(name: str) -> None:
    default = getattr(Settings(), name.lower())
    shown = {True: "true", False: "false"}.get(default, default) if isinstance(default, bool) else default

    assert ROWS[name] == ("–" if shown in {None, ()} else f"`{shown}`")


def test_every_command_is_in_the_readme() -> None:
    commands = {name for name in cli.commands if f"`session-keeper {name}" in README}

    assert set(cli.commands) - commands == {"version"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_to_a_page_or_a_heading_leads_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, heading = target.partition("#")
        if "://" in path:
            continue
        found = (page.parent / path).resolve() if path else page

        assert found.exists(), target
        if heading:
            assert heading in _headings(found), target


@pytest.mark.parametrize("record", sorted(PROJECT.glob("docs/decisions/*.md")), ids=lambda path: path.stem)
def test_every_decision_record_has_its_date_and_status(record: Path) -> None:
    status = record.read_text().splitlines()[2]

    assert re.fullmatch(r"Status: (accepted|superseded by \[.*\]\(.*\)), \d{4}-\d{2}-\d{2}", status)


def _headings(page: Path) -> set[str]:
    lines = (line for line in page.read_text().splitlines() if line.startswith("#"))
    return {re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).strip().replace(" ", "-") for line in lines}
