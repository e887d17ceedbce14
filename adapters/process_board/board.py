"""Numbers and notes of the server processes of one service, in memory that they share.

Each process has a row: numbers that only it changes, and a short note that only it writes. Anybody reads
the sums of all rows, and the notes. A row is held by a lock of its process, which the kernel takes away
when the process ends in any way; whoever comes next takes the row over and counts on, so that sums never
go back. The memory is that of an open file without a name: it is gone with the last process.
"""

import mmap
import os
import struct
import tempfile
from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # not on Windows, where a service is one process
    fcntl = None  # type: ignore[assignment]

NOTE_BYTES_MAX = 1000
_NOTE = struct.Struct(f"=I{NOTE_BYTES_MAX}s4x")  # filled up: numbers of the next row follow
_SIDE = struct.Struct("=Q")  # which of two notes is the newest
_NUMBER = struct.Struct("=d")
_LAYOUT_BYTES = 64  # ahead of the rows: a digest of what the numbers mean


class BoardNotShared(Exception):
    """The memory has another layout, as of another release, or no row is free."""


class Board:
    """The row of this process, and those of all.

    Attributes:
        numbers: of this process, 8-byte floats; `numbers[i] += 1.0` is a count. As quick as an array
            (0.05 microseconds), and what was counted outlives the process.
    """

    def __init__(self, memory: bytearray | mmap.mmap, *, count: int, row: int, start: int = 0) -> None:
        self._memory = memory
        self._row_bytes = row_bytes(count)
        self._start = start
        self._row = row
        self._rows = (len(memory) - start) // self._row_bytes
        self._all = [self._numbers_of(each, count) for each in range(self._rows)]
        self.numbers = self._all[row]

    @property
    def is_shared(self) -> bool:
        return self._rows > 1

    def totals(self) -> list[float]:
        """Of each number, the sum over all processes that there are and were."""
        return [sum(each) for each in zip(*self._all, strict=True)]

    def write_note(self, note: bytes) -> None:
        """Replaces the note of this process.

        Raises:
            ValueError: it is longer than NOTE_BYTES_MAX.
        """
        if len(note) > NOTE_BYTES_MAX:
            raise ValueError(f"a note has at most {NOTE_BYTES_MAX} bytes, not {len(note)}")
        at = self._notes_of(self._row)
        (side,) = _SIDE.unpack_from(self._memory, at)
        # The other side is written, then shown: a reader never meets half a note.
        _NOTE.pack_into(self._memory, at + _SIDE.size + (1 - side) * _NOTE.size, len(note), note)
        _SIDE.pack_into(self._memory, at, 1 - side)

    def notes_of_others(self) -> Iterator[bytes]:
        """Those that were ever written, also by processes that are gone."""
        for row in range(self._rows):
            at = self._notes_of(row)
            (side,) = _SIDE.unpack_from(self._memory, at)
            size, note = _NOTE.unpack_from(self._memory, at + _SIDE.size + side * _NOTE.size)
            if size and row != self._row:
                yield note[:size]

    def _numbers_of(self, row: int, count: int) -> "memoryview[float]":
        begin = self._start + row * self._row_bytes
        return memoryview(self._memory)[begin : begin + count * _NUMBER.size].cast("d")

    def _notes_of(self, row: int) -> int:
        return self._start + (row + 1) * self._row_bytes - _SIDE.size - 2 * _NOTE.size


def row_bytes(count: int) -> int:
    return count * _NUMBER.size + _SIDE.size + 2 * _NOTE.size


def private_board(count: int) -> Board:
    """For a process that is the whole service."""
    return Board(bytearray(row_bytes(count)), count=count, row=0)


def make_shared_memory(*, rows: int, count: int, layout: bytes) -> int:
    """The descriptor of memory for so many processes, to be inherited by them.

    Args:
        count: numbers of a process.
        layout: says what the numbers mean; who expects another cannot open it.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("session-keeper")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    # Written, not left sparse: on a full disk, memory that is not there yet would end the process.
    os.write(descriptor, layout[:_LAYOUT_BYTES].ljust(_LAYOUT_BYTES, b"\0") + bytes(rows * row_bytes(count)))
    return descriptor


def open_shared_board(descriptor: int, *, count: int, layout: bytes) -> Board:
    """A board with a row that no other process holds; it is held until this process ends.

    Raises:
        BoardNotShared: it cannot be used; counts of this process will not be seen in the others.
    """
    size = os.fstat(descriptor).st_size
    memory = mmap.mmap(descriptor, size)
    if memory[:_LAYOUT_BYTES] != layout[:_LAYOUT_BYTES].ljust(_LAYOUT_BYTES, b"\0"):
        raise BoardNotShared("it has the layout of another release")
    for row in range((size - _LAYOUT_BYTES) // row_bytes(count)):
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, row)
        except BlockingIOError:
            continue
        return Board(memory, count=count, row=row, start=_LAYOUT_BYTES)
    raise BoardNotShared("every row is held by another process")
