"""Checking whether this server process can take in events."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from application.errors import StoreUnavailable
from application.ports.runtime import Clock
from application.ports.session_store import SessionStore
from domain.decisions.clock_skew import eviction_problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Attributes:
    store_problem: why events cannot be taken in; None: they can.
    genesys_problem: why nothing can be delivered to Genesys; events are taken in all the same.
    eviction_problem: why eviction has stopped; sessions are served all the same.
    clock_skew: how far the store's clock is ahead of ours.
    """

    store_problem: str | None
    genesys_problem: str | None
    eviction_problem: str | None
    clock_skew: timedelta | None

    @property
    def ready(self) -> bool:
        return self.store_problem is None


class CheckReadinessHandler:
    def __init__(
        self,
        *,
        store: SessionStore,
        clock: Clock,
        genesys_problem: Callable[[], str | None],
        clock_skew_max: timedelta,
    ) -> None:
        self._store = store
        self._clock = clock
        self._genesys_problem = genesys_problem
        self._clock_skew_max = clock_skew_max

    async def __call__(self) -> Readiness:
        genesys_problem = self._genesys_problem()
        try:
            await self._store.ping()
            skew = await self._store.clock_skew(self._clock)
        except StoreUnavailable as error:
            return Readiness(
                store_problem=str(error),
                genesys_problem=genesys_problem,
                eviction_problem=None,
                clock_skew=None,
            )
        return Readiness(
            store_problem=None,
            genesys_problem=genesys_problem,
            eviction_problem=eviction_problem(skew, self._clock_skew_max),
            clock_skew=skew,
        )
