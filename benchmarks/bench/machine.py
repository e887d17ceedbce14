"""What the figures were measured on: no names of hosts, no paths."""

import importlib.metadata
import json
import os
import platform
import re
import subprocess
from pathlib import Path

from benchmarks.bench.subjects import FASTAPI_ENVIRONMENT, PEERS
from tests.servers.postgres import find_binaries


def describe_machine() -> dict[str, str]:
    return {
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "CPU": cpu_model(_text(Path("/proc/cpuinfo"))),
        "memory": f"{memory_gib(_text(Path('/proc/meminfo'))):.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "Node.js": _said(["node", "--version"]).lstrip("v"),
        "wrk": _said(["wrk", "--version"]).removeprefix("wrk ").partition(" [")[0],
        "PostgreSQL": _said([str(find_binaries("embedded") / "postgres"), "--version"]).rpartition(" ")[2],
        **{name: importlib.metadata.version(name) for name in ("session-keeper", "litestar", "uvicorn")},
        **_node_versions(),
        "fastapi": _said([str(FASTAPI_ENVIRONMENT / "bin" / "python"), "-c", _FASTAPI_VERSION]),
    }


def cpu_model(cpuinfo: str) -> str:
    found = re.search(r"^model name\s*: (.*)$", cpuinfo, re.MULTILINE)
    return found[1].strip() if found else "unknown"


def memory_gib(meminfo: str) -> float:
    found = re.search(r"^MemTotal:\s*(\d+) kB$", meminfo, re.MULTILINE)
    return int(found[1]) / 1_048_576 if found else 0.0


_FASTAPI_VERSION = "import importlib.metadata as m; print(m.version('fastapi'))"


def _node_versions() -> dict[str, str]:
    versions: dict[str, str] = json.loads((PEERS / "package.json").read_text())["dependencies"]
    return versions


def _said(command: list[str]) -> str:
    """The first line that a command prints; nothing, when it is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "none"
    return done.stdout.partition("\n")[0].strip()


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
