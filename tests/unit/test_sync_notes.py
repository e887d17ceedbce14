"""What processes tell each other of the budget and of Genesys' problems."""

from adapters.process_board.board import Board, private_board, row_bytes
from application.ports.genesys import BudgetFigures
from entrypoints.processes import FRESH_SECONDS, PROBLEM_LENGTH_MAX, SyncNotes


class Process:
    def __init__(self, board: Board, *, left: int) -> None:
        self.now = 100.0
        self.figures = BudgetFigures(allowed=100, left=left, in_flight=1, closed_seconds=float(left))
        self.trouble: str | None = None
        self.notes = SyncNotes(
            board, budget=lambda: self.figures, problem=lambda: self.trouble, clock=lambda: self.now
        )


def processes() -> tuple[Process, Process]:
    """A server and a sync worker on one board."""
    memory = bytearray(2 * row_bytes(1))
    return (
        Process(Board(memory, count=1, row=0), left=99),
        Process(Board(memory, count=1, row=1), left=7),
    )


def test_a_process_alone_shows_its_own_budget_and_problem() -> None:
    alone = Process(private_board(1), left=40)
    alone.trouble = "credentials"

    assert alone.notes.budget() == alone.figures
    assert alone.notes.problem() == "credentials"


def test_a_server_shows_what_the_sync_worker_knows_as_long_as_its_note_is_fresh() -> None:
    server, worker = processes()
    worker.trouble = "x" * 5000
    worker.notes.write()

    assert server.notes.budget() == worker.figures
    assert server.notes.problem() == "x" * PROBLEM_LENGTH_MAX

    server.now += FRESH_SECONDS
    assert server.notes.budget() == server.figures
    assert server.notes.problem() is None


def test_processes_that_both_call_genesys_add_up() -> None:
    first, second = processes()
    first.notes.write()
    second.notes.write()

    assert first.notes.budget() == second.notes.budget()
    assert first.notes.budget() == BudgetFigures(allowed=200, left=106, in_flight=2, closed_seconds=99.0)
    assert first.notes.problem() is None
