"""Computes what polling phones cost from what a request costs, measured through nginx and TLS.

    python -m tests.measure.phones [--seconds 5] [--users 100000]

One instance with one worker, a PostgreSQL server and nginx are asked with wrk over 16 kept
connections; CPU is that of each one's processes for each request.
"""

import argparse
import json
import os
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import psycopg

from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.store.store import Store
from tests import packages, postgres, truth
from tests.measure import benchmark
from tests.server.deploy import site

_PARTS = ("chargecloud", "PostgreSQL", "nginx with TLS")
_PHONES = (1_000, 10_000, 100_000, 1_000_000)
_SECONDS = (5, 30)
_BUSY = 0.6
"""How much of a core is given out: what is left takes the peaks."""


def measured(seconds: int, users: int, rounds: int = 3) -> tuple[dict[str, float], float]:
    """Return the microseconds of CPU that a request costs in each part, and requests/s."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        uri = stack.enter_context(postgres.server())
        Store(uri, RESOURCES).replace(CHARGE_PROCESS, benchmark.processes(users))
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            folder = connection.info.host
        env = {**os.environ, "CHARGECLOUD_DATABASE_URL": uri, "CHARGECLOUD_PROXY_HOPS": "1"}
        own, port = truth.free_port(), truth.free_port()
        serve = [*site.CHARGECLOUD, "serve", "--bind", f"127.0.0.1:{own}", "--workers", "1"]
        service = stack.enter_context(truth.running(serve, own, env))
        front = stack.enter_context(
            site.nginx(Path(name), env, port, [own], "--rate", "1000000", "--name", "127.0.0.1")
        )
        database = int((Path(folder) / "postmaster.pid").read_text().split()[0])
        pids = dict(zip(_PARTS, (service.pid, database, front.pid), strict=True))
        samples = [_sample(port, pids, seconds, users) for _ in range(rounds)]
        costs = {part: median(cost[part] for cost, _ in samples) for part in _PARTS}
        return costs, median(rate for _, rate in samples)


def _sample(
    port: int, pids: dict[str, int], seconds: int, users: int
) -> tuple[dict[str, float], float]:
    before = {part: benchmark.cpu_seconds(pid) for part, pid in pids.items()}
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(benchmark.LUA)
        script.flush()
        command = [packages.program("wrk"), "-t1", "-c16", f"-d{seconds}s", "-s", script.name]
        command += [f"https://127.0.0.1:{port}", "--", str(users), "1"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in output, output
    requests, duration, _ = json.loads(output.partition("RESULT ")[2])
    spent = {part: benchmark.cpu_seconds(pid) - before[part] for part, pid in pids.items()}
    return {part: spent[part] / requests * 1e6 for part in pids}, requests / duration


def table(costs: dict[str, float]) -> str:
    """Return what numbers of phones need, as a Markdown table: cores for each part."""
    lines = [
        f"| phones | each asks every | requests/s | {' | '.join(f'{p}, cores' for p in costs)} |",
        f"|--:|--:|--:|{'--:|' * len(costs)}",
    ]
    for phones in _PHONES:
        for seconds in _SECONDS:
            rate = phones / seconds
            cores = [rate * cost / 1e6 / _BUSY for cost in costs.values()]
            cells = " | ".join(f"{core:.2f}" if core < 1 else f"{core:.1f}" for core in cores)
            lines.append(f"| {phones:,} | {seconds} s | {rate:,.0f} | {cells} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=5, help="of each of three measurements")
    parser.add_argument("--users", type=int, default=100_000)
    arguments = parser.parse_args()
    costs, rate = measured(arguments.seconds, arguments.users)
    for part, cost in costs.items():
        print(f"{part}: {cost:.0f} us of CPU a request")
    print(f"all three on one machine of {os.cpu_count()} cores: {rate:.0f} requests/s\n")
    print(table(costs))


if __name__ == "__main__":
    main()
