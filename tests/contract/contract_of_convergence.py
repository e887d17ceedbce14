"""The same events in any order, by any opening of the store, end as the events in order."""

import asyncio
from itertools import count

from domain.ids import SessionId
from tests.contract.happenings import deliveries, try_examples
from tests.contract.reference_model import Happening, expected, seen
from tests.contract.steps import OpenStore, take
from tests.factories import at


class ConvergenceContract:
    def test_what_arrives_in_any_order_ends_as_the_events_in_order(self, open_store: OpenStore) -> None:
        numbers = count()

        async def check(delivery: tuple[list[Happening], list[Happening]]) -> None:
            history, arrivals = delivery
            one_by_one, at_once = (SessionId(f"s{next(numbers)}") for _ in range(2))
            async with open_store() as one, open_store() as other:
                for place, happening in enumerate(arrivals):
                    await take([one, other][place % 2], happening.event(one_by_one), seconds=20)
                await asyncio.gather(
                    *(
                        take([one, other][place % 2], happening.event(at_once), seconds=20)
                        for place, happening in enumerate(arrivals)
                    )
                )
                ended_as = [seen(await one.read(session_id, at(20))) for session_id in (one_by_one, at_once)]

            assert ended_as == [expected(history)] * 2

        try_examples(15, deliveries(), check)
