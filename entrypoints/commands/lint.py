"""`session-keeper lint`: the rules of this service over JSON files, for a customer's own checks."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import rich_click as click

from adapters.event_json.event_body import command_of, remarks_on
from adapters.event_json.strict_json import InvalidJson, decode_strictly
from adapters.system.clock import SystemClock
from adapters.system.ids import RandomIds
from application.use_cases.persist_session import PersistSession
from domain.context.variables import ContextVariables
from domain.decisions.apply_event import decide_event
from domain.decisions.decision import Policies
from domain.errors import ContextTooLarge, EventRefused, InvalidEvent, Violation
from domain.ids import SessionId
from domain.json_pointer import CONTEXT, child
from entrypoints.commands.start import FAILED, settings_or_exit
from entrypoints.policies import http_rules, policies
from entrypoints.settings import Settings

IGNORED = "ignored_field"


def run_lint(environment: Mapping[str, str], files: tuple[Path, ...], *, events: bool) -> int:
    """One line per violation, `FILE: POINTER: CODE: DETAIL`; exit code 1 if there is any.

    A field that the service would ignore is named and does no harm.
    """
    settings = settings_or_exit(environment)
    found = 0
    for path in files:
        for violation in _violations(path, settings, events=events):
            found += violation.code != IGNORED
            place = violation.pointer if events else violation.pointer.removeprefix(CONTEXT)
            click.echo(f"{path}: {place or '/'}: {violation.code}: {violation.detail}")
    return FAILED if found else 0


def _violations(path: Path, settings: Settings, *, events: bool) -> Iterator[Violation]:
    rules = http_rules(settings).webhook
    try:
        document = decode_strictly(path.read_bytes(), rules.json)
        if events:
            command = command_of(document, rules.ttl)
            yield from _remarks(document)
        elif isinstance(document, dict):
            command = _command(ContextVariables.from_json(document))
        else:
            yield Violation("", "wrong_type", "a context must be an object")
            return
        _decide(command, policies(settings))
    except OSError as error:
        yield Violation("", "unreadable", str(error))
    except (InvalidJson, InvalidEvent) as error:
        yield from error.violations
    except ContextTooLarge as error:
        names = ", ".join(f"{size.name} {size.byte_size}" for size in error.largest)
        yield Violation(CONTEXT, "too_large", f"{error}; the largest variables: {names}")


def _remarks(document: Any) -> Iterator[Violation]:
    remarks = remarks_on(document)
    for name in remarks.ignored_fields:
        yield Violation(child("", name), IGNORED, f"{name} is no field of an event, and is ignored")
    for hint in remarks.hints:
        yield Violation("/eventType", "misspelt_value", hint)


def _command(context: ContextVariables) -> PersistSession:
    return PersistSession(session_id=SessionId("lint"), event_type="lint", context=context)


def _decide(command: PersistSession, rules: Policies) -> None:
    """What the service itself would decide about this as the first event of a session."""
    event = command.identified(RandomIds().persistence_id())
    refusal: EventRefused | None = decide_event(None, event, rules, SystemClock().now()).refusal
    if refusal is not None:
        raise refusal
