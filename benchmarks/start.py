"""How quickly the command starts: help, a usage error, and `serve` until it says that it is ready.

    .venv/bin/python benchmarks/start.py [--against OTHER_CHECKOUT] [--rounds N] [--postgres]

Each figure is a process of its own. With `--against`, this checkout and the other take turns, and their
medians stand side by side: seconds until it is done, and seconds of CPU time of the process until then.
`serve` runs on a store that was made before. With credentials means: the sync worker is there as well, with
a Genesys at an https address that nobody calls.
"""

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import psutil

ROOT = Path(__file__).parents[1]
PREFIX = "SESSION_KEEPER_"
GIVE_UP_SECONDS = 30.0
LOOK_SECONDS = 0.002
CREDENTIALS = {"GENESYS_CLIENT_ID": "id", "GENESYS_CLIENT_SECRET": "secret"}


@dataclass(frozen=True, slots=True)
class Figure:
    seconds: float
    cpu_seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--postgres", action="store_true", help="also `serve` on a PostgreSQL of its own")
    options = parser.parse_args()
    checkouts = [ROOT, *([] if options.against is None else [options.against.resolve()])]
    with ExitStack() as stack:
        stores = [f"sqlite:///{stack.enter_context(tempfile.TemporaryDirectory())}/keeper.db"]
        if options.postgres:
            stores.append(stack.enter_context(_postgres()))
        for store in stores:
            _run(ROOT, ["migrate"], {"STORE_URL": store})
        _compare("--help", checkouts, options.rounds, ["--help"], {})
        _compare("usage error", checkouts, options.rounds, ["serve", "--port", "x"], {})
        _compare("wrong setting", checkouts, options.rounds, ["serve"], {"PORT": "x"})
        for store in stores:
            kind = store.partition(":")[0]
            _compare(f"serve, {kind}", checkouts, options.rounds, None, {"STORE_URL": store})
            with_sync = CREDENTIALS | {"STORE_URL": store}
            _compare(f"serve, {kind}, credentials", checkouts, options.rounds, None, with_sync)


def _compare(
    name: str,
    checkouts: Sequence[Path],
    rounds: int,
    arguments: Sequence[str] | None,
    settings: Mapping[str, str],
) -> None:
    """Without arguments: `serve` until `/health/ready` answers 200."""
    figures: dict[Path, list[Figure]] = {checkout: [] for checkout in checkouts}
    for _ in range(rounds):
        for checkout in checkouts:
            figures[checkout].append(
                _until_ready(checkout, settings) if arguments is None else _run(checkout, arguments, settings)
            )
    columns = [
        f"{statistics.median(one.seconds for one in each):6.3f} s, "
        f"CPU {statistics.median(one.cpu_seconds for one in each):6.3f} s"
        for each in figures.values()
    ]
    print(f"{name:32}", *columns, sep="   ", flush=True)


def _run(checkout: Path, arguments: Sequence[str], settings: Mapping[str, str]) -> Figure:
    began = time.perf_counter()
    process = subprocess.Popen(
        [checkout / ".venv/bin/session-keeper", *arguments],
        env=_environment(settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=checkout,
    )
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return Figure(time.perf_counter() - began, usage.ru_utime + usage.ru_stime)


def _until_ready(checkout: Path, settings: Mapping[str, str]) -> Figure:
    port = _free_port()
    opener = build_opener(ProxyHandler({}))
    began = time.perf_counter()
    with subprocess.Popen(
        [checkout / ".venv/bin/session-keeper", "serve", "--port", str(port)],
        env=_environment(settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=checkout,
    ) as process:
        try:
            while True:
                try:
                    opener.open(f"http://127.0.0.1:{port}/health/ready", timeout=GIVE_UP_SECONDS).close()
                    break
                except (URLError, ConnectionError):
                    if process.poll() is not None or time.perf_counter() - began > GIVE_UP_SECONDS:
                        sys.exit(f"{checkout}: serve does not become ready")
                    time.sleep(LOOK_SECONDS)
            seconds = time.perf_counter() - began
            times = psutil.Process(process.pid).cpu_times()
            return Figure(seconds, times.user + times.system)
        finally:
            process.send_signal(signal.SIGTERM)


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return kept | {PREFIX + name: value for name, value in settings.items()}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def _postgres() -> Iterator[str]:
    sys.path.insert(0, str(ROOT))
    from tests.servers.postgres import open_postgres_server

    with open_postgres_server() as server:
        yield server.create_database()


if __name__ == "__main__":
    main()
