import pytest

pytest.register_assert_rewrite(
    *(
        f"tests.contract.contract_of_{what}"
        for what in ("convergence", "faults", "processes", "races", "sessions", "trail", "unreadable", "work")
    )
)
