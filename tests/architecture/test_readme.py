"""What the README says about settings and commands is true."""

import re
from pathlib import Path

import pytest

from entrypoints.cli import cli
from entrypoints.settings import Settings

README = (Path(__file__).parents[2] / "README.md").read_text()
TABLE = README.partition("<!-- settings -->")[2].partition("<!-- /settings -->")[0]
ROWS = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", TABLE, re.MULTILINE))
DERIVED = {"GENESYS_API_URL", "GENESYS_LOGIN_URL"}


def test_every_setting_has_its_line_and_every_line_its_setting() -> None:
    assert set(ROWS) == {name.upper() for name in Settings.__struct_fields__}


@pytest.mark.parametrize("name", sorted(set(ROWS) - DERIVED))
def test_the_default_of_a_setting_is_the_one_that_the_readme_names(name: str) -> None:
    default = getattr(Settings(), name.lower())
    shown = {True: "true", False: "false"}.get(default, default) if isinstance(default, bool) else default

    assert ROWS[name] == ("–" if shown in {None, ()} else f"`{shown}`")


def test_every_command_is_in_the_readme() -> None:
    commands = {name for name in cli.commands if f"`session-keeper {name}" in README}

    assert set(cli.commands) - commands == {"version"}
