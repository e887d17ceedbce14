"""What every `CallBudget` does, in virtual time: a permit is spent or given back, exactly once."""

import asyncio
from abc import ABC, abstractmethod

import pytest

from application.ports.genesys import CallBudget, WindowReport
from tests.simulation.virtual_loop import in_virtual_time


def now() -> float:
    return asyncio.get_running_loop().time()


async def make_a_call(budget: CallBudget, report: WindowReport | None = None) -> None:
    async with budget.permit() as permit:
        permit.spend()
        permit.end(report)


async def use_up(budget: CallBudget) -> None:
    """Calls until there is none left in this window."""
    while budget.figures().left:
        await make_a_call(budget)


async def fail_with_a_permit(budget: CallBudget, error: type[BaseException], *, spent: bool) -> None:
    async with budget.permit() as permit:
        if spent:
            permit.spend()
        raise error


class CallBudgetContract(ABC):
    @abstractmethod
    def budget(self, calls_per_minute: int) -> CallBudget: ...

    @abstractmethod
    def close(self, budget: CallBudget, seconds: float) -> None:
        """As after a `Retry-After`."""

    @in_virtual_time
    async def test_a_permit_that_is_spent_counts_and_one_that_is_not_is_given_back(self) -> None:
        budget = self.budget(calls_per_minute=60)
        await make_a_call(budget)
        left = budget.figures().left
        async with budget.permit():
            assert (budget.figures().left, budget.figures().in_flight) == (left - 1, 1)
        assert (budget.figures().left, budget.figures().in_flight) == (left, 0)
        async with budget.permit() as permit:
            assert not permit.spent
            permit.spend()
            assert permit.spent
            assert budget.figures().in_flight == 1

        assert (budget.figures().left, budget.figures().in_flight) == (left - 1, 0)

    @in_virtual_time
    async def test_a_call_ends_when_that_is_said_and_only_once(self) -> None:
        budget = self.budget(calls_per_minute=60)
        async with budget.permit() as permit:
            permit.spend()
            permit.end()
            assert budget.figures().in_flight == 0
            permit.end()

        assert (budget.figures().left, budget.figures().in_flight) == (59, 0)

    @in_virtual_time
    async def test_a_permit_is_good_for_one_call_while_it_is_held(self) -> None:
        budget = self.budget(calls_per_minute=60)
        async with budget.permit() as permit:
            permit.spend()
            with pytest.raises(RuntimeError):
                permit.spend()
            permit.end()
            with pytest.raises(RuntimeError):
                permit.spend()
        async with budget.permit() as unspent:
            unspent.end()
        with pytest.raises(RuntimeError):
            unspent.spend()

        assert (budget.figures().left, budget.figures().in_flight) == (59, 0)

    @pytest.mark.parametrize("spent", [False, True])
    @pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
    @in_virtual_time
    async def test_it_is_settled_whatever_goes_wrong_while_it_is_held(
        self, error: type[BaseException], *, spent: bool
    ) -> None:
        budget = self.budget(calls_per_minute=60)
        with pytest.raises(error):
            await fail_with_a_permit(budget, error, spent=spent)

        assert (budget.figures().left, budget.figures().in_flight) == (60 - spent, 0)

    @in_virtual_time
    async def test_one_who_gives_up_waiting_takes_nothing_and_keeps_nobody_from_it(self) -> None:
        budget = self.budget(calls_per_minute=60)
        self.close(budget, 10)
        waiting = [asyncio.create_task(make_a_call(budget)) for _ in range(3)]
        await asyncio.sleep(1)
        for task in waiting[:2]:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

        assert (budget.figures().left, budget.figures().in_flight) == (59, 0)
        assert now() == pytest.approx(10, abs=0.01)

    @in_virtual_time
    async def test_those_who_wait_are_served_in_their_order(self) -> None:
        budget = self.budget(calls_per_minute=60)
        served: list[int] = []

        async def call(number: int) -> None:
            async with budget.permit() as permit:
                permit.spend()
                served.append(number)

        await asyncio.gather(*(call(number) for number in range(30)))

        assert served == list(range(30))

    @in_virtual_time
    async def test_a_permit_that_is_given_back_goes_to_the_next(self) -> None:
        budget = self.budget(calls_per_minute=60)
        await use_up(budget)
        await asyncio.sleep(62)
        for _ in range(59):
            await make_a_call(budget)
        async with budget.permit():
            task = asyncio.create_task(make_a_call(budget))
            await asyncio.sleep(0.1)
            assert not task.done()
        await task

    @in_virtual_time
    async def test_a_report_of_the_window_is_taken_over(self) -> None:
        budget = self.budget(calls_per_minute=60)
        await make_a_call(budget, WindowReport(count=40, allowed=100, reset_seconds=30))

        assert (budget.figures().allowed, budget.figures().left) == (100, 60)

    @in_virtual_time
    async def test_it_tells_how_long_a_permit_is_likely_to_take(self) -> None:
        budget = self.budget(calls_per_minute=60)
        await make_a_call(budget)
        assert budget.wait_seconds() == 0
        self.close(budget, 30)
        assert budget.wait_seconds() == pytest.approx(30, abs=0.01)
        waiting = [asyncio.create_task(make_a_call(budget)) for _ in range(10)]
        await asyncio.sleep(0)
        behind = budget.wait_seconds()
        assert budget.wait_seconds(ahead=5) == behind
        assert budget.wait_seconds(ahead=20) > behind
        await asyncio.gather(*waiting)

        assert behind == pytest.approx(now(), rel=0.3)
        assert behind > 30

    @in_virtual_time
    async def test_with_nothing_left_the_wait_is_that_for_the_next_window(self) -> None:
        budget = self.budget(calls_per_minute=60)
        await make_a_call(budget, WindowReport(count=60, allowed=60, reset_seconds=40))

        assert 39 <= budget.wait_seconds() <= 42
