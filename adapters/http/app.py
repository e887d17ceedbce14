"""The HTTP application. It knows use cases, and nothing of stores, containers or settings."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.static_files import create_static_files_router

from adapters.http.openapi import SWAGGER_UI, SWAGGER_UI_PATH, openapi_config
from adapters.http.problems import EXCEPTION_HANDLERS
from adapters.http.probes import health, live, metrics, ready
from adapters.http.sessions import erase_session, read_audit_trail, read_session
from adapters.http.webhooks import WebhookRules, receive_event
from application.use_cases import UseCases

OpenUseCases = Callable[[], AbstractAsyncContextManager[UseCases]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRules:
    webhook: WebhookRules = field(default_factory=WebhookRules)
    version: str = "0"


def create_app(open_use_cases: OpenUseCases, rules: HttpRules) -> Litestar:
    """The application; what `open_use_cases` gives is open from the first request to the last."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with open_use_cases() as use_cases:
            app.state.use_cases = use_cases
            yield

    async def use_cases(state: State) -> UseCases:
        opened: UseCases = state.use_cases
        return opened

    webhook_rules = rules.webhook
    guarded = Router(
        path="/",
        guards=[webhook_rules.senders.guard],
        route_handlers=[
            read_session,
            erase_session,
            read_audit_trail,
            metrics,
            create_static_files_router(
                path=SWAGGER_UI_PATH, directories=[SWAGGER_UI], include_in_schema=False
            ),
        ],
    )
    return Litestar(
        route_handlers=[receive_event, health, live, ready, guarded],
        lifespan=[lifespan],
        dependencies={
            "use_cases": Provide(use_cases),
            "webhook_rules": Provide(lambda: webhook_rules, sync_to_thread=False),
        },
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=openapi_config(rules.version),
        request_max_body_size=webhook_rules.body_bytes_max,
        logging_config=None,
    )
