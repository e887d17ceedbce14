"""Counting the steps of a computation: they are the same on every machine, whatever else it is doing."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def steps_of(run: Callable[[], object]) -> int:
    """How many instructions of Python code `run` takes; what happens within a built-in counts as one."""
    steps = 0

    def count(frame: FrameType, happened: str, _: object) -> Any:
        nonlocal steps
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        steps += happened == "opcode"
        return count

    before = sys.gettrace()
    # Since 3.12 opcodes are reported only if some frame had asked for them when the trace began.
    sys._getframe().f_trace_opcodes = True
    sys.settrace(count)
    try:
        run()
    finally:
        sys.settrace(before)
    return steps
