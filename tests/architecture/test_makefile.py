"""`make` alone says what there is, and `make hooks` takes nothing away from anybody."""

import os
import re
import shutil
import subprocess
from pathlib import Path

MAKEFILE = Path(__file__).parents[2] / "Makefile"
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "MAKE", "MFLAGS"))}


def make(directory: Path, *targets: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", "--file", str(MAKEFILE), *targets]
    return subprocess.run(command, cwd=directory, env=CLEAN, capture_output=True, text=True, check=False)


def test_make_alone_names_every_target_and_does_nothing(tmp_path: Path) -> None:
    (phony,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE.read_text(), re.MULTILINE)

    done = make(tmp_path)

    assert done.returncode == 0
    assert sorted(line.split()[1] for line in done.stdout.splitlines()) == sorted(phony.split())
    assert list(tmp_path.iterdir()) == []


def test_the_hook_runs_the_checks_and_leaves_another_one_alone(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], env=CLEAN, check=True)
    hook = tmp_path / ".git" / "hooks" / "pre-commit"
    shutil.rmtree(hook.parent)

    first, second = make(tmp_path, "hooks"), make(tmp_path, "hooks")
    assert (first.returncode, second.returncode) == (0, 0)
    assert hook.read_text() == "#!/bin/sh\nexec make check\n"
    assert os.access(hook, os.X_OK)

    hook.write_text("#!/bin/sh\nexec something else\n")
    other = make(tmp_path, "hooks")

    assert other.returncode != 0
    assert "there is another hook already" in other.stderr
    assert hook.read_text() == "#!/bin/sh\nexec something else\n"
