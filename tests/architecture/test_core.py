"""The core is pure, and its names are nobody else's."""

import ast
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "application", "adapters", "entrypoints")


def modules(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found
    return found


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize(
    ("package", "inner"), [("domain", {"domain"}), ("application", {"domain", "application"})]
)
def test_the_core_imports_the_standard_library_and_inner_layers_only(package: str, inner: set[str]) -> None:
    foreign = {
        (path.name, name)
        for path in modules(package)
        for name in imported(path) - inner
        if name not in sys.stdlib_module_names
    }

    assert foreign == set()


def test_the_domain_does_no_input_or_output() -> None:
    doing = {
        "os",
        "io",
        "socket",
        "asyncio",
        "threading",
        "subprocess",
        "pathlib",
        "random",
        "secrets",
        "time",
    }

    assert {(path.name, name) for path in modules("domain") for name in imported(path) & doing} == set()


def test_the_clock_of_the_machine_is_asked_in_one_place() -> None:
    asking = {
        str(path.relative_to(ROOT))
        for package in ("domain", "application", "adapters")
        for path in modules(package)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"}
        if isinstance(node.value, ast.Name) and node.value.id in {"datetime", "date"}
    }

    assert asking == {"adapters/system/clock.py"}


def test_no_installed_distribution_owns_one_of_our_package_names() -> None:
    owners = packages_distributions()

    for package in PACKAGES:
        assert set(owners.get(package, [])) <= {"session-keeper"}, package


def test_no_file_records_the_address_of_a_registry() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()

        assert "--hash=sha256:" in text
        assert "://" not in text
        assert "--index-url" not in text
