"""Counts the instructions of a worker for each request: the same on a busy machine and a quiet one.

    python -m tests.measure.instructions

A whole server runs under valgrind, from the request's bytes to the log line. What valgrind can't
see is the kernel's part.
"""

import os
import random
import re
import signal
import sys
import tempfile
from pathlib import Path

import click

from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.store.store import Store
from tests import packages, truth
from tests.measure import benchmark

_CACHEGRIND = ["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
_USERS = 1000
_WARM_UP = 20
_COUNTED = 100


def ratios() -> dict[str, float]:
    """Return what a status costs, as a multiple of the constant Flask view's cost, by Accept."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/store.sqlite"
        Store(url, RESOURCES).replace(CHARGE_PROCESS, benchmark.processes(_USERS))
        env = {**os.environ, "CHARGECLOUD_DATABASE_URL": url, "PYTHONHASHSEED": "0"}
        base, own = (
            _per_request(benchmark.SERVERS[name], env, Path(folder))
            for name in (benchmark.BASE, "chargecloud, gunicorn")
        )
    return {accept: own[accept] / base[accept] for accept in benchmark.ACCEPTS}


def _per_request(arguments: str, env: dict[str, str], folder: Path) -> dict[str, float]:
    """Return a server's instructions for each request, by Accept."""
    port = truth.free_port()
    command = [packages.program("valgrind"), *_CACHEGRIND, f"--log-file={folder}/%p"]
    command += [sys.executable, *arguments.format(port=port).split(), "--preload"]
    with truth.running(command, port, env, seconds=120) as server:
        idle = _life(server.pid, port, None, folder)
        lives = {accept: _life(server.pid, port, accept, folder) for accept in benchmark.ACCEPTS}
        # gunicorn would wait 30 s for a worker that is told to stop before it listens to signals.
        _ask(port, benchmark.ACCEPTS[0], 1)
    return {accept: (life - idle) / _COUNTED for accept, life in lives.items()}


def _life(server: int, port: int, accept: str | None, folder: Path) -> int:
    """Return the instructions of one worker's life: each begins with what its master had done."""
    _ask(port, benchmark.ACCEPTS[0], _WARM_UP)
    if accept:
        _ask(port, accept, _COUNTED)
    (worker,) = truth.children(server)
    os.kill(worker, signal.SIGTERM)
    truth.until(lambda: truth.children(server) not in ([], [worker]), 60)
    (refs,) = re.findall(r"I +refs: +([\d,]+)", (folder / str(worker)).read_text())
    return int(refs.replace(",", ""))


def _ask(port: int, accept: str, times: int) -> None:
    client = truth.Client(port)
    rng = random.Random(times)
    for _ in range(times):
        target = f"/ChargeProcess/Status?user_id={rng.randint(1, _USERS)}"
        client.ask("GET", target, [("Host", "a"), ("Accept", accept)])
    client.close()


@click.command()
def main() -> None:
    """Count the instructions of a worker for each request, under valgrind."""
    for accept, ratio in ratios().items():
        click.echo(f"{accept}: {ratio:.3f} of the constant Flask view's instructions")


if __name__ == "__main__":
    main()
