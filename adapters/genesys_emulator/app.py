"""The emulator as one ASGI application: login host, API host and control API on one port."""

import time
from collections.abc import Callable

from litestar import Litestar
from litestar.di import Provide

from adapters.genesys_emulator.api_calls import (
    patch_conversation_attributes,
    patch_media_attributes,
    patch_session,
    read_conversation,
    read_session,
)
from adapters.genesys_emulator.control import (
    change_settings,
    create_conversation,
    list_faults,
    list_writes,
    read_settings,
    read_state,
    read_statistics,
    remove_faults,
    replace_faults,
    reset,
)
from adapters.genesys_emulator.error_answers import ERROR_ANSWERS
from adapters.genesys_emulator.front_page import front_page
from adapters.genesys_emulator.gate import Gate
from adapters.genesys_emulator.oauth import describe_token, issue_token, revoke_token, verify_token
from adapters.genesys_emulator.organization import describe_organization, describe_subject
from adapters.genesys_emulator.settings import EmulatorSettings
from adapters.genesys_emulator.state import EmulatorState


def create_emulator(settings: EmulatorSettings, *, clock: Callable[[], float] = time.time) -> Litestar:
    """A Genesys Cloud that holds everything in memory; serve it with uvicorn in one process.

    `clock` answers epoch seconds; tokens, windows and timed faults go by it. Faults that close a
    connection need uvicorn's own `receive`, so put no wrapper around the application that replaces it.
    """
    state = EmulatorState(settings, clock)
    app = Litestar(
        route_handlers=[
            front_page,
            issue_token,
            describe_token,
            verify_token,
            revoke_token,
            describe_organization,
            describe_subject,
            read_conversation,
            patch_media_attributes,
            patch_conversation_attributes,
            read_session,
            patch_session,
            list_writes,
            read_state,
            read_statistics,
            replace_faults,
            list_faults,
            remove_faults,
            read_settings,
            change_settings,
            create_conversation,
            reset,
        ],
        dependencies={"emulator": Provide(lambda: state, sync_to_thread=False)},
        exception_handlers=ERROR_ANSWERS,
        request_max_body_size=settings.body_bytes_max,
        logging_config=None,
        openapi_config=None,
    )
    # not as Litestar middleware: that stands behind the router and never sees an unknown path
    app.asgi_handler = Gate(app.asgi_handler, state)
    return app
