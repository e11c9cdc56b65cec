"""Measures what clients see while a database is silent: `python -m tests.measure.outage`.

A service with one worker is asked by eight clients at once. Its PostgreSQL is stopped with
SIGSTOP for ten seconds, and goes on then.
"""

import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import click

from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.server import demo
from app.store.store import Store
from tests import postgres, truth

_CLIENTS = 8
_SECONDS = 10
Answers = list[tuple[float, float, int]]
"""When a request began, how long it took, and its status."""


def _poll(port: int, done: threading.Event, answers: Answers) -> None:
    client = truth.Client(port)
    while not done.is_set():
        began = time.monotonic()
        status = client.ask("GET", "/ChargeProcess/Status?user_id=1", [("Host", "a")]).status
        answers.append((began, time.monotonic() - began, status))
        time.sleep(0.02)
    client.close()


def _report(answers: Answers, paused: float, resumed: float) -> None:
    failed = [(began, seconds) for began, seconds, status in answers if status == 500]
    first = [seconds for began, seconds in failed if began < paused + 0.1]
    later = sorted(seconds for began, seconds in failed if began > paused + 5)
    back = [began + seconds for began, seconds, status in answers if status == 200]
    click.echo(
        f"requests that the outage met: {len(first)}, the last ended after {max(first):.2f} s"
    )
    click.echo(
        f"later requests: {len(later)}, median {later[len(later) // 2] * 1000:.1f} ms,"
        f" longest {later[-1]:.2f} s"
    )
    click.echo(
        f"first answer after its end: {min(at for at in back if at > resumed) - resumed:.2f} s"
    )


@click.command()
@click.option("--timeout", default=5, show_default=True, help="DATABASE_TIMEOUT, in seconds.")
def main(timeout: int) -> None:
    """Measure what clients see while a database is silent."""
    answers: Answers = []
    done = threading.Event()
    port = truth.free_port()
    command = [sys.executable, "-m", "app", "serve", "--workers", "1"]
    with postgres.stoppable() as database, tempfile.TemporaryDirectory() as folder:
        Store(database.uri, RESOURCES).replace(CHARGE_PROCESS, demo.processes())
        env = {
            **os.environ,
            "CHARGECLOUD_DATABASE_URL": database.uri,
            "CHARGECLOUD_DATABASE_TIMEOUT": str(timeout),
        }
        with truth.running([*command, "--bind", f"127.0.0.1:{port}"], port, env, Path(folder)):
            clients = [
                threading.Thread(target=_poll, args=(port, done, answers)) for _ in range(_CLIENTS)
            ]
            for client in clients:
                client.start()
            time.sleep(1)
            database.pause()
            paused = time.monotonic()
            time.sleep(_SECONDS)
            database.resume()
            resumed = time.monotonic()
            time.sleep(2)
            done.set()
            for client in clients:
                client.join()
    _report(answers, paused, resumed)


if __name__ == "__main__":
    main()
