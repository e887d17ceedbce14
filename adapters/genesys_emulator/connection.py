"""Closing a connection without an answer.

ASGI has no message for it, and an exception before the answer starts becomes a 500. uvicorn's `receive` is
a method of the object that holds the connection's transport (`RequestResponseCycle`, with both of its HTTP
implementations), so the transport is within reach as long as nothing wraps `receive`. The tests hold this
against a real uvicorn.
"""

from typing import Any

from litestar.types import Receive


async def close_without_answer(receive: Receive) -> bool:
    """Close the client's connection; False where the server offers no way to (nothing was done then).

    Returns once the server has noticed, so that it does not answer in our place.
    """
    transport: Any = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None or not hasattr(transport, "close"):
        return False
    transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
    return True
