from pathlib import Path

import pytest

pytest.register_assert_rewrite(
    *(f"tests.contract.{path.stem}" for path in Path(__file__).parent.glob("contract_of_*.py"))
)
