"""What every SessionStore does. A behaviour of a store that is not in here is no behaviour."""

from collections.abc import AsyncIterator

import pytest

from application.ports.session_store import SessionStore
from tests.contract.contract_of_convergence import ConvergenceContract
from tests.contract.contract_of_faults import FaultContract
from tests.contract.contract_of_races import RaceContract
from tests.contract.contract_of_sessions import SessionContract
from tests.contract.contract_of_trail import TrailContract
from tests.contract.contract_of_unreadable import UnreadableContract
from tests.contract.contract_of_work import WorkContract
from tests.contract.steps import OpenStore, Spoil


class SessionStoreContract(
    SessionContract,
    RaceContract,
    TrailContract,
    WorkContract,
    UnreadableContract,
    ConvergenceContract,
    FaultContract,
):
    """Subclass it and give `open_store`, `spoil`, and its `kind` as it is registered.

    Each call of `open_store` opens the same store, as another process would. `spoil` writes
    `steps.NEWER_LEDGER` into the record of a session, behind the back of the store. Where queries lag
    behind, override `settle`, too.
    """

    @pytest.fixture
    def open_store(self) -> OpenStore:
        raise NotImplementedError

    @pytest.fixture
    def spoil(self) -> Spoil:
        raise NotImplementedError

    @pytest.fixture
    async def store(self, open_store: OpenStore) -> AsyncIterator[SessionStore]:
        async with open_store() as store:
            yield store
