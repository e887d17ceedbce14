"""The composition root builds for every store: misspelt constructor arguments pass both type checkers."""

from pathlib import Path

import msgspec
import pytest

from adapters.memory.store import MemorySessionStore
from adapters.postgres.store import PostgresSessionStore
from adapters.sqlite.store import SqliteSessionStore
from application.errors import StoreUnavailable
from application.use_cases import UseCases
from application.use_cases.persist_session import PersistSession
from domain.ids import SessionId
from entrypoints.container import Container, open_service
from entrypoints.loops import running_loops
from entrypoints.settings import Settings


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("memory://", MemorySessionStore),
        ("sqlite:///{directory}/sessions.db", SqliteSessionStore),
        ("postgresql://nobody@127.0.0.1:1/none", PostgresSessionStore),
        ("postgres://nobody@127.0.0.1:1/none", PostgresSessionStore),
    ],
)
async def test_the_container_opens_the_store_that_the_settings_name(
    url: str, kind: type, tmp_path: Path
) -> None:
    settings = Settings(store_url=url.format(directory=tmp_path))

    async with open_service(Container(settings=settings)) as service:
        assert type(service.store) is kind
        assert isinstance(service.use_cases, UseCases)
    assert (tmp_path / "sessions.db").exists() == url.startswith("sqlite")


@pytest.mark.parametrize("mode", ["background", "inline"])
async def test_without_credentials_genesys_is_not_called_and_readiness_says_why(mode: str) -> None:
    settings = msgspec.structs.replace(Settings(), store_url="memory://", sync_mode=mode)

    async with open_service(Container(settings=settings)) as service, running_loops(service):
        persisted = await service.use_cases.persist_session(
            PersistSession(session_id=SessionId("s"), event_type="message")
        )
        readiness = await service.use_cases.check_readiness()

    assert persisted.state.sync.status.value == "pending"
    assert (readiness.ready, readiness.genesys_problem) == (True, "no credentials are set")


async def test_a_closed_service_takes_nothing_in_any_more(tmp_path: Path) -> None:
    settings = Settings(store_url=f"sqlite:///{tmp_path}/sessions.db", store_timeout_seconds=20)
    command = PersistSession(session_id=SessionId("s"), event_type="message")
    async with open_service(Container(settings=settings)) as service:
        await service.use_cases.persist_session(command)

    with pytest.raises((StoreUnavailable, RuntimeError)):
        await service.use_cases.persist_session(command)


@pytest.mark.parametrize("target", ["messaging-sessions", "participant-attributes", "none"])
@pytest.mark.parametrize("mode", ["background", "inline"])
async def test_the_container_builds_for_every_way_to_sync(target: str, mode: str) -> None:
    settings = msgspec.structs.replace(Settings(), store_url="memory://", sync_target=target, sync_mode=mode)

    async with open_service(Container(settings=settings)) as service:
        persisted = await service.use_cases.persist_session(
            PersistSession(session_id=SessionId("s"), event_type="session-ended")
        )
    assert persisted.state.revision == 1
