"""Everything one emulator remembers."""

import random
from collections.abc import Callable

from adapters.genesys_emulator.call_statistics import CallStatistics
from adapters.genesys_emulator.conversations import ConversationBook
from adapters.genesys_emulator.faults import FaultBook
from adapters.genesys_emulator.genesys_time import genesys_time
from adapters.genesys_emulator.messaging_sessions import SessionBook
from adapters.genesys_emulator.settings import EmulatorSettings
from adapters.genesys_emulator.tokens import TokenBook
from adapters.genesys_emulator.write_log import WriteLog


class EmulatorState:
    """In memory, for one event loop; `clock` answers epoch seconds."""

    def __init__(self, settings: EmulatorSettings, clock: Callable[[], float]) -> None:
        self._initial = settings
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        """As newly started: settings and faults of the start, no tokens, no documents, no counts."""
        settings = self._initial
        self.settings = settings
        self.random = random.Random(settings.seed)  # noqa: S311 - dice for faults, not for secrets
        self.tokens = TokenBook(tokens_max=settings.tokens_max)
        self.conversations = ConversationBook(documents_max=settings.documents_max)
        self.sessions = SessionBook(documents_max=settings.documents_max)
        self.writes = WriteLog(writes_max=settings.writes_max)
        self.statistics = CallStatistics()
        self.faults = FaultBook()
        self.faults.replace(settings.faults, self.clock())

    def now_text(self) -> str:
        return genesys_time(self.clock())
