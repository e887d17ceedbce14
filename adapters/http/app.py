"""The HTTP application. It knows use cases, and nothing of stores, containers or settings."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from litestar import Litestar, Response, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler

from adapters.http.bare_asgi import posts_first, reads_first
from adapters.http.front_page import front_page
from adapters.http.openapi import caller_security, openapi_config, webhook_security
from adapters.http.probes import health, live, metrics, ready
from adapters.http.problems import EXCEPTION_HANDLERS
from adapters.http.schema_page import schema_router
from adapters.http.sessions import (
    SESSION_PATH,
    SessionReader,
    check_query,
    erase_session,
    read_audit_trail,
    read_session,
)
from adapters.http.webhooks import WEBHOOK_PATH, EventIntake, WebhookRules, receive_event
from application.use_cases import UseCases

Method = Literal["HEAD", "OPTIONS"]
OpenUseCases = Callable[[], AbstractAsyncContextManager[UseCases]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRules:
    webhook: WebhookRules = field(default_factory=WebhookRules)
    version: str = "0"


def create_app(open_use_cases: OpenUseCases, rules: HttpRules) -> Litestar:
    """The application; what `open_use_cases` gives is open from the first request to the last."""
    webhook_rules = rules.webhook

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with open_use_cases() as use_cases:
            app.state.use_cases = use_cases
            app.state.intake = intake = EventIntake(use_cases, webhook_rules)
            routes = app.asgi_handler
            reads = reads_first(SESSION_PATH, SessionReader(use_cases, webhook_rules.senders), routes)
            app.asgi_handler = posts_first(WEBHOOK_PATH, intake, reads)
            try:
                yield
            finally:
                app.asgi_handler = routes

    async def use_cases(state: State) -> UseCases:
        opened: UseCases = state.use_cases
        return opened

    async def intake(state: State) -> EventIntake:
        opened: EventIntake = state.intake
        return opened

    senders = webhook_rules.senders
    return Litestar(
        route_handlers=[
            Router(
                "/",
                route_handlers=with_all_methods(receive_event),
                security=webhook_security(wanted=bool(senders.webhook_secrets)),
            ),
            Router("/", route_handlers=with_all_methods(health, live, ready)),
            Router(
                "/",
                guards=[senders.guard],
                before_request=check_query,
                route_handlers=with_all_methods(
                    front_page, read_session, erase_session, read_audit_trail, metrics
                ),
                security=caller_security(wanted=bool(senders.api_keys)),
            ),
        ],
        lifespan=[lifespan],
        dependencies={"use_cases": Provide(use_cases), "intake": Provide(intake)},
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=openapi_config(rules.version, schema_router(senders.guard)),
        request_max_body_size=webhook_rules.body_bytes_max,
        logging_config=None,
    )


def with_all_methods(*handlers: HTTPRouteHandler) -> Sequence[HTTPRouteHandler]:
    """The handlers, with HEAD for every GET, and OPTIONS that names every method of a path.

    Litestar has no HEAD by itself, and its OPTIONS names the methods of one handler alone.
    """
    methods: defaultdict[str, set[str]] = defaultdict(lambda: {"OPTIONS"})
    heads = []
    for handler in handlers:
        for path in handler.paths:
            methods[path] |= handler.http_methods
            if "GET" in handler.http_methods:
                methods[path].add("HEAD")
                heads.append(_handler(path, "HEAD", 200, handler.fn))
    options = [_handler(path, "OPTIONS", 204, _options(sorted(named))) for path, named in methods.items()]
    return [*options, *handlers, *heads]


def _handler(path: str, method: Method, status: int, function: Callable[..., object]) -> HTTPRouteHandler:
    handler = HTTPRouteHandler(path, http_method=method, status_code=status, include_in_schema=False)
    return handler(function)


def _options(methods: Sequence[str]) -> Callable[[], object]:
    async def options() -> Response[None]:
        return Response(content=None, headers={"allow": ", ".join(methods)})

    return options
