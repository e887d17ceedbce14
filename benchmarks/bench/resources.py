"""What a process and its children used, from /proc: Linux only."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
TICKS: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
UTIME, CHILDREN_STIME = 11, 14
"""Places in /proc/PID/stat after the command: time in user and kernel mode, then that of ended children."""


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and all below it, with threads and with children that have ended.

    The time of an ended child is its parent's from then on, so that a sum over those alive loses nothing:
    PostgreSQL's main process inherits the time of every connection that was closed.
    """
    return sum(cpu_ticks(stat) for stat in _read(pid, "stat")) / TICKS


def memory_mib(pid: int) -> float:
    """The sum of the peaks of a process and of those below it; pages that they share count for each."""
    return sum(peak_kib(status) for status in _read(pid, "status")) / 1_024


def cpu_ticks(stat: str) -> int:
    """Of one /proc/PID/stat, whose second field may hold spaces and brackets."""
    fields = stat.rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[UTIME : CHILDREN_STIME + 1])


def peak_kib(status: str) -> int:
    """VmHWM of one /proc/PID/status."""
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)


def _read(pid: int, name: str) -> Iterator[str]:
    for member in _family(pid):
        try:
            yield (PROC / str(member) / name).read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended, and is in its parent's sum at the next look


def _family(pid: int) -> list[int]:
    family = [pid]
    for member in family:
        for children in PROC.glob(f"{member}/task/*/children"):
            try:
                family += map(int, children.read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue
    return family
