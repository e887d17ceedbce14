"""Clients and gateways to test, opened as the service opens them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import httpx

from adapters.genesys.budget import GenesysBudget
from adapters.genesys.client import CallLimits, GenesysClient, GenesysEndpoints, open_http
from adapters.genesys.gateway import GenesysCloudGateway
from adapters.genesys.oauth import Credentials
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Policies
from domain.ids import SessionId
from domain.sync.policy import SyncPolicy, SyncTarget
from domain.sync.session_copy import SessionCopy
from entrypoints.version import VERSION
from tests.factories import START, at, event
from tests.fakes import FakeClock, FakeMetrics
from tests.genesys.scripted_server import Answer, Hang, Reaction

LIMITS = CallLimits(call_seconds_max=30.0, retry_wait_seconds_max=30.0)
"""For calls that are to succeed, also on a machine that is busy."""

IMPATIENT = CallLimits(call_seconds_max=1.0, retry_wait_seconds_max=0.3)
"""For calls that wait for what never comes."""

CREDENTIALS = Credentials(client_id="client", client_secret="top-secret")
SECRET_VALUE = "value-of-a-customer"


class RecordedBudget(GenesysBudget):
    """Remembers for how many seconds it was closed, which its figures count down."""

    def __init__(self, *, calls_per_minute: int) -> None:
        super().__init__(calls_per_minute=calls_per_minute)
        self.closings: list[float] = []

    def close(self, seconds: float) -> None:
        self.closings.append(seconds)
        super().close(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    client: GenesysClient
    budget: RecordedBudget
    metrics: FakeMetrics
    clock: FakeClock

    async def call(self, method: str = "PATCH", path: str = "/api/v2/x", body: bytes = b"{}") -> bytes:
        return await self.client.call(method, path, body)

    async def tell(
        self, target: SyncTarget = SyncTarget.MESSAGING_SESSIONS, copy: SessionCopy | None = None
    ) -> tuple[str, str] | None:
        gateway = GenesysCloudGateway(client=self.client, target=target, clock=self.clock)
        async with self.budget.permit() as permit:
            return (await gateway.write_back(copy or copy_of(), permit)).participant

    @property
    def in_flight(self) -> int:
        return self.budget.figures().in_flight


def caller(
    http: httpx.AsyncClient,
    url: str,
    *,
    limits: CallLimits = LIMITS,
    credentials: Credentials | None = CREDENTIALS,
) -> Caller:
    budget, metrics, clock = RecordedBudget(calls_per_minute=6000), FakeMetrics(), FakeClock()
    client = GenesysClient(
        http=http,
        endpoints=GenesysEndpoints(api_url=url, login_url=url),
        credentials=credentials,
        budget=budget,
        clock=clock,
        metrics=metrics,
        limits=limits,
    )
    return Caller(client=client, budget=budget, metrics=metrics, clock=clock)


@asynccontextmanager
async def open_caller(url: str, *, limits: CallLimits = LIMITS) -> AsyncIterator[Caller]:
    async with open_http(GenesysEndpoints(api_url=url, login_url=url), limits, version=VERSION) as http:
        yield caller(http, url, limits=limits)


def limits_for(reaction: Reaction) -> CallLimits:
    never_ends = isinstance(reaction, Hang) or (isinstance(reaction, Answer) and reaction.drip_seconds > 0)
    return IMPATIENT if never_ends else LIMITS


def copy_of(
    context: dict[str, object] | None = None,
    *,
    session_id: str = "s",
    target: SyncTarget = SyncTarget.MESSAGING_SESSIONS,
    conversation_id: str | None = None,
    participant_id: str | None = None,
    found: tuple[str, str] | None = None,
) -> SessionCopy:
    """The copy of a session after one event; `found` is the participant that was looked up before."""
    what = event(
        {"name": SECRET_VALUE} if context is None else context,
        session_id=SessionId(session_id),
        conversation_id=conversation_id,
        participant_id=participant_id,
    )
    state = decide_event(None, what, Policies(sync=SyncPolicy(target=target)), at(0)).state
    assert state is not None
    assert state.created_at == START
    return replace(state, sync=replace(state.sync, participant=found)).copy(target)
