"""The suite's own rules: what it finds does not depend on the machine, nor on the order of the tests."""

from pathlib import Path

from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parents[1]
PROFILE_WORDS = ("deadline=", "derandomize=", "database=", "register_profile(", "load_profile(")
"""What belongs into the one profile."""


def test_hypothesis_measures_no_time_and_keeps_no_examples() -> None:
    rules = settings()

    assert rules.deadline is None
    assert rules.database is None
    assert HealthCheck.too_slow in rules.suppress_health_check
    assert HealthCheck.differing_executors not in rules.suppress_health_check


def test_settings_of_hypothesis_stand_in_one_place() -> None:
    saying = {
        str(path.relative_to(TESTS))
        for path in TESTS.rglob("*.py")
        if "import hypothesis" in (text := path.read_text()) or "from hypothesis" in text
        if any(word in text for word in PROFILE_WORDS)
    }

    assert saying == {"scale.py", "architecture/test_suite.py"}
