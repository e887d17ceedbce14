"""What a record looks like, and what of it is left out."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from entrypoints.logs import set_up_logs
from entrypoints.settings import Settings

SECRET = "s3cr3t-value"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def log_as_json() -> None:
    set_up_logs(Settings(log_level="debug", log_format="json"))


def records(capsys: Capture) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def fail(value: str) -> None:
    """Fails with the value in a local variable of its frame."""
    held = [value]
    raise ZeroDivisionError(f"a list of {len(held)}")


def test_a_record_is_one_line_of_json_with_what_is_listed(capsys: Capture) -> None:
    log_as_json()
    logging.getLogger("session_keeper.some").warning("it\nhappened", extra={"session_id": "a", "count": 2})
    (record,) = records(capsys)

    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "event": "it\nhappened",
        "level": "warning",
        "logger": "session_keeper.some",
        "session_id": "a",
        "count": 2,
    }


@pytest.mark.parametrize("logger", [logging.getLogger, structlog.get_logger], ids=["standard", "structlog"])
def test_what_is_not_listed_is_dropped_and_counted(logger: Callable[[str], Any], capsys: Capture) -> None:
    log_as_json()
    fields: dict[str, Any] = {"context": SECRET, "body": {"deep": SECRET}}
    if logger is logging.getLogger:
        logger("session_keeper").info("happened", extra=fields)
    else:
        logger("session_keeper").info("happened", **fields)
    (record,) = records(capsys)

    assert record["event"] == "happened"
    assert record["dropped_keys"] == 2
    assert "timestamp" in record
    assert SECRET not in json.dumps(record)


def test_an_exception_is_logged_whole_but_without_locals(capsys: Capture) -> None:
    log_as_json()
    try:
        fail(SECRET)
    except ZeroDivisionError:
        logging.getLogger("session_keeper").exception("failed")
    (record,) = records(capsys)

    (exception,) = record["exception"]
    assert (exception["exc_type"], exception["exc_value"]) == ("ZeroDivisionError", "a list of 1")
    assert [frame["name"] for frame in exception["frames"]][-1] == "fail"
    assert SECRET not in json.dumps(record)


def test_on_a_terminal_it_is_text_without_locals_too(capsys: Capture) -> None:
    set_up_logs(Settings(log_format="console"))
    try:
        fail(SECRET)
    except ZeroDivisionError:
        logging.getLogger("session_keeper").exception("failed", extra={"session_id": "a", "context": SECRET})
    text = capsys.readouterr().err

    assert "failed" in text
    assert "session_id" in text
    assert "ZeroDivisionError: a list of 1" in text
    assert SECRET not in text


@pytest.mark.parametrize("level", ["debug", "warning"])
def test_libraries_that_would_tell_requests_are_kept_quiet(level: Any, capsys: Capture) -> None:
    set_up_logs(Settings(log_level=level, log_format="json"))

    for name in ("httpx", "httpcore.http11", "uvicorn.access", "asyncio", "alembic.runtime"):
        logging.getLogger(name).info(SECRET)
    logging.getLogger("httpx").warning("seen")

    assert [record["event"] for record in records(capsys)] == ["seen"]


def test_a_level_hides_what_is_below_it(capsys: Capture) -> None:
    set_up_logs(Settings(log_level="warning", log_format="json"))

    logging.getLogger("session_keeper").info("hidden")
    logging.getLogger("session_keeper").warning("seen")

    assert [record["event"] for record in records(capsys)] == ["seen"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_the_password_of_a_url_is_in_no_message_and_no_traceback(form: Any, capsys: Capture) -> None:
    url, proxy = f'postgresql://keeper:{SECRET}"x@db/keeper', "http://me:sesame@proxy:8080"
    set_up_logs(Settings(log_format=form, store_url=url, genesys_proxy_url=proxy))
    try:
        raise ValueError(f"cannot connect to {url} by {proxy}")  # noqa: TRY301
    except ValueError as error:
        logging.getLogger("some.driver").exception("%s", error)  # noqa: TRY401

    written = capsys.readouterr().err
    assert "cannot connect" in written
    assert SECRET not in written
    assert "sesame" not in written
