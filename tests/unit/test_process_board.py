"""Processes that count together, with real processes and real kills."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.process_board.board import (
    NOTE_BYTES_MAX,
    BoardNotShared,
    make_shared_memory,
    open_shared_board,
    private_board,
)

ROOT = Path(__file__).parents[2]
COUNT = 3
LAYOUT = b"three numbers"
CHILD = """
import sys
from adapters.process_board.board import open_shared_board

board = open_shared_board(int(sys.argv[1]), count=3, layout=b"three numbers")
for line in sys.stdin:
    board.numbers[1] += float(line)
    board.write_note(line.encode())
    print(board.totals()[1], flush=True)
"""


class Child:
    """A process that adds to the second number what it is told."""

    def __init__(self, memory: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=[memory],
            cwd=ROOT,
        )

    def add(self, value: int) -> float:
        """The total that the child sees then."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{value}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self, sig: signal.Signals = signal.SIGKILL) -> str:
        self.process.send_signal(sig)
        return self.process.communicate(timeout=20)[1]


@pytest.fixture
def memory() -> Iterator[int]:
    descriptor = make_shared_memory(rows=2, count=COUNT, layout=LAYOUT)
    yield descriptor
    os.close(descriptor)


def test_a_process_alone_has_a_board_of_its_own() -> None:
    board = private_board(COUNT)
    board.numbers[2] += 1.5
    board.write_note(b"a note")

    assert board.totals() == [0, 0, 1.5]
    assert list(board.notes_of_others()) == []
    assert not board.is_shared


def test_every_process_sees_the_sum_of_all(memory: int) -> None:
    first, second = Child(memory), Child(memory)

    assert first.add(1) == 1
    assert second.add(2) == 3
    assert first.add(4) == 7
    first.end()
    second.end()


def test_what_a_killed_process_counted_stays_and_its_successor_counts_on(memory: int) -> None:
    first, second = Child(memory), Child(memory)
    first.add(1)
    second.add(2)
    first.end(signal.SIGKILL)
    assert second.add(0) == 3

    third = Child(memory)

    assert third.add(4) == 7
    assert second.add(8) == 15
    third.end()
    second.end()


def test_a_process_for_which_no_row_is_left_is_told_so(memory: int) -> None:
    children = Child(memory), Child(memory)
    for child in children:
        child.add(1)

    with pytest.raises(BoardNotShared, match="every row"):
        open_shared_board(memory, count=COUNT, layout=LAYOUT)
    for child in children:
        child.end()
    assert open_shared_board(memory, count=COUNT, layout=LAYOUT).totals() == [0, 2, 0]


def test_memory_in_which_numbers_mean_something_else_is_not_used(memory: int) -> None:
    with pytest.raises(BoardNotShared, match="another release"):
        open_shared_board(memory, count=COUNT, layout=b"three other numbers")


def test_the_newest_note_of_each_other_process_is_read(memory: int) -> None:
    child = Child(memory)
    child.add(1)
    board = open_shared_board(memory, count=COUNT, layout=LAYOUT)
    board.write_note(b"ours")
    assert list(board.notes_of_others()) == [b"1\n"]

    for value in (2, 3, 400):
        child.add(value)

        assert list(board.notes_of_others()) == [f"{value}\n".encode()]
    child.end()


def test_a_note_that_is_too_long_is_refused_and_the_longest_is_kept_whole(memory: int) -> None:
    board = open_shared_board(memory, count=COUNT, layout=LAYOUT)
    with pytest.raises(ValueError, match="at most 1000 bytes, not 1001"):
        board.write_note(b"x" * (NOTE_BYTES_MAX + 1))
    board.write_note(b"x" * NOTE_BYTES_MAX)
    child = Child(memory)

    assert child.add(1) == 1
    assert child.end() == ""
