"""For stores whose indexes lag behind what was acknowledged."""


class Settling:
    """What the contracts of a store have in common."""

    async def settle(self) -> None:
        """Returns once the queries that may lag know of everything that was acknowledged.

        The tests call it before such a query. A store whose queries never lag need not override it.
        """
