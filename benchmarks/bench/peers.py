"""Installs what the peers need, beside the project: nothing of it is among the project's own packages."""

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.bench.subjects import FASTAPI_ENVIRONMENT, PEERS, Kind, Subject


def install_peers(subjects: list[Subject]) -> None:
    """Only what is missing; a minute at the first run.

    Raises:
        SystemExit: wrk or Node.js is not on this machine.
    """
    peers = [subject.name for subject in subjects if subject.kind is Kind.PEER]
    needed = ["wrk", *(["node", "npm"] if peers else [])]
    if missing := [tool for tool in needed if shutil.which(tool) is None]:
        sys.exit(f"the bench needs {', '.join(missing)} on the PATH")
    if any(name != "fastapi-pg" for name in peers):
        _install_node_packages()
    if "fastapi-pg" in peers:
        _install_fastapi()


def _install_node_packages() -> None:
    installed, wanted = PEERS / "node_modules" / ".package-lock.json", PEERS / "package.json"
    if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
        print("Installing the Node.js peers …", flush=True)
        command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(command, cwd=PEERS, check=True)
        installed.touch()


def _install_fastapi() -> None:
    installed, wanted = FASTAPI_ENVIRONMENT / "installed", PEERS / "requirements.txt"
    if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
        print("Installing FastAPI into a virtual environment of its own …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", FASTAPI_ENVIRONMENT], check=True)
        pip: list[str | Path] = [FASTAPI_ENVIRONMENT / "bin" / "python", "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--disable-pip-version-check", "-r", wanted], check=True)
        installed.touch()
