"""A closed loop: each connection sends its next webhook when the last one was answered. wrk drives it."""

import subprocess
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec

SCRIPT: Final = Path(__file__).with_name("webhooks.lua")
TIMEOUT_SECONDS: Final = 20
"""How long wrk waits before it calls an answer lost: a slow answer is a latency, not an error."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of load saw. `errors` are answers other than 2xx and 3xx, and connections that broke."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int

    @property
    def rate(self) -> float:
        """Webhooks answered in a second."""
        return self.requests / self.seconds


class WrkFailed(Exception):
    """wrk ended without the line that its script writes; the message holds what it said instead."""


def run_closed_loop(port: int, templates: Path, *, connections: int, seconds: float, first: int) -> Load:
    """Load for so many whole seconds: wrk knows no others. `first` is the number of the first event."""
    options: dict[str, str | Path] = {
        "--threads": "1",
        "--connections": str(connections),
        "--duration": f"{max(1, round(seconds))}s",
        "--timeout": f"{TIMEOUT_SECONDS}s",
        "--script": SCRIPT,
    }
    command = ["wrk", *chain.from_iterable(options.items()), f"http://127.0.0.1:{port}", "--", templates]
    done = subprocess.run([*command, str(first)], capture_output=True, text=True, check=False)
    return load_of(done.stdout, done.stderr)


def load_of(output: str, complaints: str = "") -> Load:
    """What the script wrote, in the last line of wrk's output.

    Raises:
        WrkFailed: it is not there.
    """
    last = output.rstrip().rpartition("\n")[2]
    try:
        return msgspec.json.decode(last.encode(), type=Load)
    except msgspec.MsgspecError as error:
        raise WrkFailed(f"{output[-500:]}{complaints[-500:]}") from error
