"""Measures the service beside servers that answer a constant, in one interleaved run.

    python -m tests.measure.benchmark [--seconds 2] [--rounds 3] [--users 20000]

The load is wrk with 16 connections where it is installed, else threads of this process. CPU is
that of the server's processes for each request, and a ratio is the median over the rounds, each
against the constant Flask view under gunicorn of the same round. Each server has one worker, on
the first core.
"""

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.server import demo
from app.store.store import Store, Stored
from tests import packages, truth

_GUNICORN = "-m gunicorn --workers 1 --log-level warning --bind 127.0.0.1:{port}"
_PLAIN = f"{_GUNICORN} --threads 4 --worker-class gthread --http-parser python"
_PLAIN += " --no-control-socket"
_GRANIAN = "-m granian --interface wsgi --workers 1 --blocking-threads 4 --no-log --port {port}"
_CONSTANT = "tests.measure.constant"
SERVERS = {
    "constant WSGI, gunicorn": f"{_PLAIN} {_CONSTANT}:wsgi_app",
    "constant Flask, gunicorn": f"{_PLAIN} {_CONSTANT}:flask_app",
    "constant Flask, granian": f"{_GRANIAN} {_CONSTANT}:flask_app",
    "chargecloud, gunicorn": f"{_GUNICORN} -c python:app.gunicorn_conf wsgi:app",
    "chargecloud, granian": "-m app serve --server granian --workers 1 --bind 127.0.0.1:{port}",
    "chargecloud, waitress": "-m app serve --server waitress --bind 127.0.0.1:{port}",
}
"""What to give to Python for each server."""
BASE = "constant Flask, gunicorn"
ACCEPTS = ("application/json", "application/xml")
CONNECTIONS = 16
LUA = """
local users
function init(args) users = tonumber(args[1]); math.randomseed(tonumber(args[2])) end
function request()
   return wrk.format("GET", "/ChargeProcess/Status?user_id=" .. math.random(users))
end
function done(s, l) print(string.format('RESULT [%d, %f, %f]', s.requests, s.duration / 1e6,
   l:percentile(99) / 1e3)) end
"""


@dataclass(frozen=True)
class Sample:
    """One measurement: requests a second, ms of the 99th percentile, us of CPU a request."""

    rate: float
    p99: float
    cpu: float


def processes(users: int) -> Iterator[Stored]:
    """Yield one to three processes of each user, apart as they come in over time."""
    rng = random.Random(users)
    owners = [user for user in range(1, users + 1) for _ in range(rng.randint(1, 3))]
    rng.shuffle(owners)
    members = demo.processes()[2][2:]
    for process_id, user in enumerate(owners, 1):
        yield (user, process_id, *members)


def measure(port: int, pid: int, accept: str, seconds: float, users: int, seed: int) -> Sample:
    """Ask for random users as fast as one server answers."""
    before = cpu_seconds(pid)
    load = _wrk if packages.found("wrk") else _threads
    requests, duration, p99 = load(port, accept, seconds, users, seed)
    return Sample(requests / duration, p99, (cpu_seconds(pid) - before) / requests * 1e6)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its children so far."""
    total = 0
    for each in (pid, *truth.children(pid)):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def pin(pid: int) -> None:
    """Give a server the first core, as the service does, so that all have one."""
    core = min(os.sched_getaffinity(0))
    for process in (pid, *truth.children(pid)):
        for thread in Path(f"/proc/{process}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


def _wrk(port: int, accept: str, seconds: float, users: int, seed: int) -> tuple[int, float, float]:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(LUA)
        script.flush()
        command = [packages.program("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s"]
        command += ["-s", script.name, "-H", f"Accept: {accept}", f"http://127.0.0.1:{port}", "--"]
        command += [str(users), str(seed)]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    requests, duration, p99 = json.loads(output.partition("RESULT ")[2])
    return int(requests), duration, p99


def _threads(
    port: int, accept: str, seconds: float, users: int, seed: int
) -> tuple[int, float, float]:
    deadline = time.monotonic() + seconds
    latencies: list[float] = []

    def ask(number: int) -> None:
        rng = random.Random(seed * CONNECTIONS + number)
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            while (started := time.monotonic()) < deadline:
                path = f"/ChargeProcess/Status?user_id={rng.randint(1, users)}"
                connection.request("GET", path, headers={"Accept": accept})
                connection.getresponse().read()
                latencies.append(time.monotonic() - started)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(latencies), seconds, sorted(latencies)[int(len(latencies) * 0.99)] * 1e3


def run(seconds: float, rounds: int, users: int) -> dict[tuple[str, str], list[Sample]]:
    """Measure all servers in turn, and again, in both formats."""
    samples: dict[tuple[str, str], list[Sample]] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        url = f"sqlite:///{folder}/benchmark.sqlite"
        Store(url, RESOURCES).replace(CHARGE_PROCESS, processes(users))
        env = {**os.environ, "CHARGECLOUD_DATABASE_URL": url}
        started = {}
        for name, arguments in SERVERS.items():
            port = truth.free_port()
            command = [sys.executable, *arguments.format(port=port).split()]
            process = stack.enter_context(truth.running(command, port, env))
            started[name] = (port, process.pid)
            measure(port, process.pid, ACCEPTS[0], 1, users, 0)
            pin(process.pid)
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        for seed in range(1, rounds + 1):
            for accept in ACCEPTS:
                for name, (port, pid) in started.items():
                    sample = measure(port, pid, accept, seconds, users, seed)
                    samples.setdefault((name, accept), []).append(sample)
    return samples


def table(samples: dict[tuple[str, str], list[Sample]]) -> str:
    """Return the medians and their ratios to the constant Flask view as a Markdown table."""
    lines = [
        "| server | format | requests/s | p99 ms | CPU us/request"
        " | requests/s x constant Flask | p99 x | CPU x |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for (name, accept), own in samples.items():
        pairs = list(zip(own, samples[BASE, accept], strict=True))
        ratios = (
            median(one.rate / base.rate for one, base in pairs),
            median(one.p99 / base.p99 for one, base in pairs),
            median(one.cpu / base.cpu for one, base in pairs),
        )
        lines.append(
            f"| {name} | {accept.partition('/')[2].upper()} | {median(s.rate for s in own):.0f}"
            f" | {median(s.p99 for s in own):.1f} | {median(s.cpu for s in own):.0f}"
            f" | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--users", type=int, default=20_000)
    arguments = parser.parse_args()
    print(table(run(arguments.seconds, arguments.rounds, arguments.users)))


if __name__ == "__main__":
    main()
