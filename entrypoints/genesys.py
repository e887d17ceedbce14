"""The gateway to Genesys, as the settings say.

Loaded by the first call: its libraries and the certificates of TLS take a tenth of a second.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.genesys.budget import GenesysBudget
from adapters.genesys.client import GenesysClient, open_http
from adapters.genesys.gateway import GenesysCloudGateway
from application.ports.genesys import GenesysGateway
from application.ports.metrics import Metrics
from application.ports.runtime import Clock
from domain.sync.policy import SyncTarget
from entrypoints import policies as rules
from entrypoints.settings import Settings
from entrypoints.version import VERSION


@asynccontextmanager
async def open_gateway(
    settings: Settings, *, budget: GenesysBudget, clock: Clock, metrics: Metrics
) -> AsyncIterator[GenesysGateway]:
    endpoints, limits = rules.endpoints(settings), rules.call_limits(settings)
    async with open_http(endpoints, limits, settings.genesys_proxy_url, version=VERSION) as http:
        client = GenesysClient(
            http=http,
            endpoints=endpoints,
            credentials=rules.credentials(settings),
            budget=budget,
            clock=clock,
            metrics=metrics,
            limits=limits,
        )
        yield GenesysCloudGateway(client=client, target=SyncTarget(settings.sync_target), clock=clock)
