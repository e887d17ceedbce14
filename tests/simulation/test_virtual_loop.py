"""Tests in virtual time are run to their end, fail as others do, and take parameters and fixtures."""

import asyncio
from inspect import iscoroutinefunction, signature

import pytest

from tests.simulation.virtual_loop import NothingPlanned, in_virtual_time


@in_virtual_time
async def wait(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return asyncio.get_running_loop().time()


@in_virtual_time
async def wait_for_nothing() -> None:
    await asyncio.get_running_loop().create_future()


@in_virtual_time
async def fail_after(seconds: float) -> None:
    await asyncio.sleep(seconds)
    raise LookupError


def test_days_pass_to_the_end_and_each_begins_at_zero() -> None:
    assert [wait(86_400), wait(seconds=1)] == [86_400, 1]


def test_a_failure_is_one() -> None:
    with pytest.raises(LookupError):
        fail_after(60)


def test_waiting_for_what_nobody_does_is_a_failure() -> None:
    with pytest.raises(NothingPlanned):
        wait_for_nothing()


def test_pytest_sees_its_parameters_and_no_coroutine_that_it_would_run_in_real_time() -> None:
    assert not iscoroutinefunction(wait)
    assert list(signature(wait).parameters) == ["seconds"]
