"""What the processes of one `serve --workers N` share: counts that add up, and notes on the sync."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator

import msgspec

from adapters.process_board.board import (
    Board,
    BoardNotShared,
    make_shared_memory,
    open_shared_board,
    private_board,
)
from adapters.prometheus.counted import LAYOUT
from application.ports.genesys import BudgetFigures

WRITE_SECONDS = 1.0
FRESH_SECONDS = 5.0
"""Of an older note the process is gone or stands still."""
PROBLEM_LENGTH_MAX = 200
_log = logging.getLogger("session_keeper.processes")


def shared_memory(processes: int) -> int:
    """The descriptor of a board for so many processes, to be inherited by them."""
    return make_shared_memory(rows=processes, count=LAYOUT.count, layout=LAYOUT.digest())


def open_board(inherited: int | None) -> Board:
    """That of the other processes, or one of our own: a process that counts alone still serves."""
    if inherited is not None:
        try:
            return open_shared_board(inherited, count=LAYOUT.count, layout=LAYOUT.digest())
        except BoardNotShared as error:
            _log.warning("metrics of this process are its own", extra={"reason": str(error)})
    return private_board(LAYOUT.count)


class _Note(msgspec.Struct):
    """`written_at` is of the machine's monotonic clock, which all processes have in common."""

    written_at: float
    budget: BudgetFigures
    problem: str | None


class SyncNotes:
    """The budget and the problems of all processes that call Genesys."""

    def __init__(
        self,
        board: Board,
        *,
        budget: Callable[[], BudgetFigures],
        problem: Callable[[], str | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`budget` and `problem` are those of this process."""
        self._board = board
        self._budget = budget
        self._problem = problem
        self._clock = clock
        self._calls_genesys = not board.is_shared

    async def keep_writing(self) -> None:
        """Runs until it is cancelled, in a process that calls Genesys."""
        while True:
            self.write()
            await asyncio.sleep(WRITE_SECONDS)

    def write(self) -> None:
        self._calls_genesys = True
        problem = self._problem()
        note = _Note(
            written_at=self._clock(),
            budget=self._budget(),
            problem=None if problem is None else problem[:PROBLEM_LENGTH_MAX],
        )
        self._board.write_note(msgspec.json.encode(note))

    def budget(self) -> BudgetFigures:
        """Calls are added up; of the times for which no call is allowed, the longest counts."""
        ours = [self._budget()] if self._calls_genesys else []
        figures = [*ours, *(note.budget for note in self._others())] or [self._budget()]
        return BudgetFigures(
            allowed=sum(one.allowed for one in figures),
            left=sum(one.left for one in figures),
            in_flight=sum(one.in_flight for one in figures),
            closed_seconds=max(one.closed_seconds for one in figures),
        )

    def problem(self) -> str | None:
        """Why nothing can be delivered; None: no process knows of a reason."""
        problems = [self._problem(), *(note.problem for note in self._others())]
        return next((one for one in problems if one is not None), None)

    def _others(self) -> Iterator[_Note]:
        for text in self._board.notes_of_others():
            note = msgspec.json.decode(text, type=_Note)
            if self._clock() - note.written_at < FRESH_SECONDS:
                yield note
