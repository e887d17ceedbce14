"""What another interpreter, event loop, allocator or server would change for one webhook, end to end.

    .venv/bin/python benchmarks/runtimes.py [--python OTHER/bin/python ...] [--preload LIBRARY.so ...]
        [--rounds 5] [--seconds 3] [--only WORD]

The service runs on its memory store, in one process, and `wrk` sends it webhooks of 2 KB over 64
connections. The variants take turns, and every round is a server of its own. CPU is that of the server's
process for each webhook, the least of all rounds, since other work on the machine only ever adds; the rate
is the best. On a busy machine both waver by a third; `application` wavers less: the least CPU time of many
short batches of webhooks through the application alone, without sockets and on asyncio's own loop, so the
line of that loop says how much it wavers. An interpreter given with `--python` needs what `requirements.txt`
names. The first line needs the pinned requirements alone: what is not installed is named and left out.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
CONNECTIONS: Final = 64
SESSIONS: Final = 500
CONTEXT_BYTES: Final = 1_600
START_SECONDS_MAX: Final = 20.0
WARM_UP: Final = "1s"
BATCHES: Final = 60
IN_A_BATCH: Final = 25
SCRIPT: Final = """
local n = 0
request = function()
  n = (n + 1) %% %d
  local body = string.gsub(BODY, '"s"', '"s' .. n .. '"', 1)
  return wrk.format("POST", "/webhook/messaging", {["Content-Type"] = "application/json"}, body)
end
done = function(summary) io.write("failed ", summary.errors.status + summary.errors.timeout, "\\n") end
BODY = [==[%s]==]
"""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """How the server is started.

    Attributes:
        missing: what it needs and is not there; empty when it can run.
    """

    name: str
    python: str = sys.executable
    flags: tuple[str, ...] = ()
    serve: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    missing: str = ""


def has(python: str, code: str) -> bool:
    """Whether this interpreter runs the code without an error."""
    return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0


def variants(pythons: list[str], libraries: list[str]) -> Iterator[Variant]:
    yield Variant(name="as it is")
    yield Variant(name="asyncio's own loop", serve=("--loop", "asyncio"))
    yield Variant(name="python -O", flags=("-O",))
    yield Variant(name="frozen_modules=off", flags=("-X", "frozen_modules=off"))
    for library in libraries:
        missing = "" if Path(library).exists() else f"there is no {library}"
        name = Path(library).name.split(".")[0]
        yield Variant(name=name, environment={"LD_PRELOAD": library}, missing=missing)
    for python in (sys.executable, *pythons):
        if not has(python, "import litestar, msgspec, uvloop"):
            yield Variant(name=python, missing="its environment lacks the pinned requirements")
            continue
        version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
        if python != sys.executable:
            yield Variant(name=version, python=python)
        lacks = "" if has(python, "import asyncio; asyncio.eager_task_factory") else "from 3.12 on"
        yield Variant(name=f"{version}, eager tasks", python=python, serve=("--eager",), missing=lacks)
        lacks = "" if has(python, "import granian") else "granian is not installed there"
        yield Variant(name=f"{version}, granian", python=python, serve=("--granian",), missing=lacks)
        if re.match(r"3\.1[3-9]", version):
            flag = (
                "import sysconfig as s, sys; sys.exit('jit' not in (s.get_config_var('CONFIG_ARGS') or ''))"
            )
            lacks = "" if has(python, flag) else "this interpreter was built without its JIT"
            name, on = f"{version}, JIT", {"PYTHON_JIT": "1"}
            yield Variant(name=name, python=python, environment=on, missing=lacks)


def serve(given: argparse.Namespace) -> None:
    """What the server's process does."""
    if given.loop == "asyncio":
        sys.modules["uvloop"] = None  # type: ignore[assignment]  # its import fails: the server takes the other
    from adapters.asgi_server.server import run_server
    from entrypoints.policies import server_limits

    settings, app = made()

    def started_at_once(loop: Any, work: Any, **options: Any) -> Any:
        """asyncio.eager_task_factory, which refuses the `eager_start` that uvloop passes from 3.13 on."""
        return asyncio.Task(work, loop=loop, **(options | {"eager_start": True}))

    async def eager(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            asyncio.get_running_loop().set_task_factory(started_at_once)
        await app(scope, receive, send)

    limits = server_limits(settings)
    sys.exit(run_server(eager if given.eager else app, host="127.0.0.1", port=given.port, limits=limits))


def made() -> tuple[Any, Any]:
    from entrypoints.asgi import create_service_app
    from entrypoints.settings import Settings

    settings = Settings(store_url="memory://", sync_target="none", allow_anonymous=True)
    return settings, create_service_app(settings, with_loops=False)


def application() -> Any:
    """For granian, which makes the application in a process of its own."""
    return made()[1]


async def least_microseconds(*, eager: bool) -> float:
    """CPU time of one webhook through the application alone, in the best of many short batches."""
    from benchmarks.webhook_throughput import body_of, post

    if eager:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined, unused-ignore]
    app, body, least = made()[1], body_of(CONTEXT_BYTES), float("inf")
    async with app.lifespan():
        for _ in range(BATCHES):
            started = time.process_time_ns()
            for number in range(IN_A_BATCH):
                await post(app, body, number)
            least = min(least, (time.process_time_ns() - started) / 1_000 / IN_A_BATCH)
        print(least, flush=True)
    return least


def alone(variant: Variant) -> float:
    """The same in a process of its own."""
    eager = ["--eager"] if "--eager" in variant.serve else []
    done = subprocess.run(
        [variant.python, *variant.flags, __file__, "--alone", *eager],
        env=os.environ | {"PYTHONPATH": str(ROOT), "SESSION_KEEPER_LOG_LEVEL": "error"} | variant.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,  # with eager tasks the application does not stop cleanly
    )
    return float(done.stdout.splitlines()[-1])


def command(variant: Variant, port: int) -> list[str]:
    if "--granian" in variant.serve:
        place = ["--interface", "asgi", "--factory", "--host", "127.0.0.1", "--port", str(port)]
        quiet = ["--no-ws", "--log-level", "error", "--loop", "uvloop"]
        return [variant.python, "-m", "granian", *place, *quiet, "benchmarks.runtimes:application"]
    return [variant.python, *variant.flags, __file__, "--serve", "--port", str(port), *variant.serve]


@contextmanager
def serving(variant: Variant) -> Iterator[tuple[int, int]]:
    """Process id and port of a server that accepts connections."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "SESSION_KEEPER_LOG_LEVEL": "error"}
    process = subprocess.Popen(command(variant, port), cwd=ROOT, env=environment | variant.environment)
    try:
        until = time.monotonic() + START_SECONDS_MAX
        while not accepts(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{variant.name} does not start")
            time.sleep(0.05)
        yield process.pid, port
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def accepts(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def cpu_seconds(pid: int) -> float:
    """Of a process and its children that live."""
    ticks = 0
    for one in (pid, *children(pid)):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def measured(variant: Variant, script: str, seconds: int) -> tuple[float, float]:
    """Webhooks a second, and CPU microseconds for each, of one round."""
    with serving(variant) as (pid, port):
        wrk = ["wrk", "-t1", f"-c{CONNECTIONS}", "-s", script]
        url = f"http://127.0.0.1:{port}"
        subprocess.run([*wrk, "-d", WARM_UP, url], check=True, capture_output=True)
        before = cpu_seconds(pid)
        said = subprocess.run([*wrk, f"-d{seconds}s", url], check=True, capture_output=True, text=True).stdout
        spent = cpu_seconds(pid) - before
    if "failed 0" not in said:
        raise RuntimeError(f"{variant.name}: not every webhook was answered with 200\n{said}")
    done = re.search(r"(\d+) requests in", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert done and rate, said  # noqa: S101, PT018 - wrk always says both
    return float(rate[1]), 1e6 * spent / int(done[1])


def compare(wanted: list[Variant], rounds: int, seconds: int) -> None:
    from benchmarks.webhook_throughput import body_of

    rates: dict[str, float] = {}
    served: dict[str, float] = {}
    applied: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory) / "webhooks.lua"
        script.write_text(SCRIPT % (SESSIONS, body_of(CONTEXT_BYTES).decode()))
        for _ in range(rounds):
            for variant in wanted:
                name = variant.name
                if "--granian" not in variant.serve:  # which is nothing but a server
                    applied[name] = min(applied.get(name, float("inf")), alone(variant))
                if seconds:
                    rate, cpu = measured(variant, str(script), seconds)
                    rates[name] = max(rates.get(name, 0), rate)
                    served[name] = min(served.get(name, cpu), cpu)
    print(f"{'variant':28}{'webhooks/s':>12}{'CPU µs each':>13}{'application':>13}{'of the first':>14}")
    for variant in wanted:
        name = variant.name
        line = f"{rates[name]:12,.0f}{served[name]:13.0f}" if name in rates else f"{'-':>12}{'-':>13}"
        if name in applied:
            line += f"{applied[name]:13.0f}{applied[name] / applied[wanted[0].name]:14.2f}"
        print(f"{name:28}{line}")


def show_canonical_json() -> None:
    """Whether orjson, were it here, would write the canonical bytes."""
    try:
        import orjson  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        print("left out: orjson, which is not installed")
        return
    import msgspec

    values: dict[str, Any] = {
        "float": 1e16,
        "small": 1e-7,
        "umlaut": "Ölberg",
        "control": "\x7f\u2028",
        "b": 1,
    }
    for name, value in values.items():
        ours = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        for name_of_other, other in (
            ("orjson", orjson.dumps(value)),
            ("msgspec", msgspec.json.encode(value)),
        ):
            print(f"{name:10}{ours!r:18} {name_of_other:8} {'same' if ours == other else repr(other)}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", action="append", default=[], help="another interpreter")
    parser.add_argument("--preload", action="append", default=[], help="an allocator to preload")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of wrk; 0: the application alone")
    parser.add_argument("--only", default="", help="variants with this in their name, beside the first")
    for name in ("--serve", "--eager", "--granian", "--alone"):
        parser.add_argument(name, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--loop", default="auto", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if given.serve:
        serve(given)
    if given.alone:
        asyncio.run(least_microseconds(eager=given.eager))
        return
    first, *others = variants(given.python, given.preload)
    chosen = [first, *(one for one in others if given.only in one.name)]
    for variant in chosen:
        if variant.missing:
            print(f"left out: {variant.name}: {variant.missing}")
    if shutil.which("wrk") is None:
        sys.exit("wrk is not on the PATH: nothing to send with")
    compare([one for one in chosen if not one.missing], given.rounds, given.seconds)
    show_canonical_json()


if __name__ == "__main__":
    main()
