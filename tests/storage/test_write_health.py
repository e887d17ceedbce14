import pytest

from adapters.storage.write_health import WriteHealth
from application.errors import StoreUnavailable


class Watch:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def health(watch: Watch) -> WriteHealth:
    return WriteHealth(clock=watch, window_seconds=5)


class Probe:
    def __init__(self) -> None:
        self.writes = 0
        self.failure: Exception | None = None

    async def __call__(self) -> None:
        self.writes += 1
        if self.failure:
            raise self.failure


async def test_without_traffic_a_small_write_tells_once_in_a_while(watch: Watch, health: WriteHealth) -> None:
    probe = Probe()
    for _ in range(4):
        await health.check(probe)
    watch.now += 6
    await health.check(probe)

    assert probe.writes == 2


async def test_with_traffic_no_write_is_made_for_it(watch: Watch, health: WriteHealth) -> None:
    probe = Probe()
    for _ in range(10):
        health.succeeded()
        watch.now += 1
        await health.check(probe)

    assert probe.writes == 0


async def test_a_failure_among_successes_says_nothing(watch: Watch, health: WriteHealth) -> None:
    health.succeeded()
    watch.now += 1
    health.failed("no answer")

    await health.check(Probe())


async def test_when_all_writes_of_late_failed_it_says_why(watch: Watch, health: WriteHealth) -> None:
    health.succeeded()
    watch.now += 6
    health.failed("the disk is full")
    probe = Probe()
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        await health.check(probe)
    assert probe.writes == 0

    health.succeeded()
    await health.check(probe)


async def test_when_the_traffic_has_gone_a_small_write_tells_whether_it_is_over(
    watch: Watch, health: WriteHealth
) -> None:
    health.failed("the disk is full")
    watch.now += 6
    probe = Probe()
    probe.failure = StoreUnavailable("still full")
    with pytest.raises(StoreUnavailable, match="still full"):
        await health.check(probe)
    probe.failure = None

    await health.check(probe)
    assert probe.writes == 2
