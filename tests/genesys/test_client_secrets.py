"""No context value and no secret leaves the client but to Genesys."""

import logging
import traceback

import pytest

from application.errors import GenesysError
from tests.genesys.clients import SECRET_VALUE, Caller, limits_for, open_caller
from tests.genesys.scripted_server import Answer, Close, Hang, Reaction, ScriptedServer

SECRETS = (SECRET_VALUE, "secret-token", "top-secret")


pytestmark = pytest.mark.usefixtures("no_waiting_between_attempts")


def everything_in(record: logging.LogRecord) -> str:
    """The message, all extra fields and the traceback of a record."""
    trace = "" if record.exc_info is None else "".join(traceback.format_exception(*record.exc_info))
    return f"{record.getMessage()} {vars(record)!r} {trace}"


@pytest.mark.parametrize(
    "reaction",
    [
        Answer(),
        Answer(status=400, body={"code": "c", "message": f"cannot take {SECRET_VALUE}"}),
        Answer(status=401),
        Answer(status=429, headers={"Retry-After": "1"}),
        Answer(status=500, body=SECRET_VALUE.encode()),
        Answer(status=503),
        Close(),
        Hang(),
        b"nonsense\r\n\r\n",
    ],
)
async def test_nothing_secret_is_logged_or_stands_in_an_error(
    server: ScriptedServer, reaction: Reaction, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "stamina", "session_keeper.genesys"):
        caplog.set_level(logging.DEBUG, logger=name)
    server.react = lambda _: reaction
    text = ""
    async with open_caller(server.url, limits=limits_for(reaction)) as genesys:
        try:
            await genesys.tell()
        except GenesysError as error:
            text = "".join(traceback.format_exception(error)) + repr(error) + repr(error.failure)

    assert SECRET_VALUE.encode() in server.asked[0].body
    records = [record for record in caplog.records if not record.name.startswith("asyncio")]
    assert {"httpx", "httpcore.connection"} & {record.name for record in records}
    for secret in SECRETS:
        assert secret not in text
        assert [record.name for record in records if secret in everything_in(record)] == []


async def test_nothing_secret_is_shown_of_credentials_and_tokens(genesys: Caller) -> None:
    await genesys.call()

    shown = repr(vars(genesys.client)) + repr(vars(genesys.client._tokens))
    assert "secret-token" not in shown
    assert "top-secret" not in shown
