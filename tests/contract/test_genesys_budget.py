from adapters.genesys.budget import GenesysBudget
from application.ports.genesys import CallBudget
from tests.contract.call_budget_contract import CallBudgetContract


class TestGenesysBudget(CallBudgetContract):
    def budget(self, calls_per_minute: int) -> CallBudget:
        return GenesysBudget(calls_per_minute=calls_per_minute)

    def close(self, budget: CallBudget, seconds: float) -> None:
        assert isinstance(budget, GenesysBudget)
        budget.close(seconds)
