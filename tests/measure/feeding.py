"""Reads beside a program that writes 1,000 rows a second: no torn row, and what a read costs.

python -m tests.measure.feeding --seconds 10
"""

import argparse
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import make_url

from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.server import demo
from app.store.store import Store, Stored
from app.store.tables import upsert
from schemas.charge_process import ChargeProcess
from tests import postgres

_USERS = 1_000
_RATE = 1_000
# So many rows stand in one transaction, of which SQLite writes each to the disk.
_BATCH = 50
_NUMBERED = ("used_kwh", "price", "pricing", "average_kwh")
_NAMES = ("user_id", *ChargeProcess.members())
_PLACES = [_NAMES.index(name) - 1 for name in _NUMBERED]


def row(user: int, number: int) -> Stored:
    """Return a user's process, whose last members all hold one number."""
    made = dict(zip(_NAMES, demo.processes()[1], strict=True))
    made |= {"user_id": user, "process_id": user, **dict.fromkeys(_NUMBERED, str(number))}
    return tuple(made.values())


class Writer:
    """Another program with a plain driver. It writes by the upsert that the store prints."""

    def __init__(self, url: str) -> None:
        is_sqlite = make_url(url).get_backend_name() == "sqlite"
        table = Store(url, RESOURCES).tables[CHARGE_PROCESS]
        kind, parameters = ("sqlite", "named") if is_sqlite else ("postgresql", "pyformat")
        self._statement = upsert(table, kind, parameters)
        self._connection: Any = (
            sqlite3.connect(str(make_url(url).database)) if is_sqlite else psycopg.connect(url)
        )

    def write(self, rows: Iterable[Stored]) -> None:
        """Write rows into a transaction that stays open."""
        with closing(self._connection.cursor()) as cursor:
            named = [dict(zip(_NAMES, each, strict=True)) for each in rows]
            cursor.executemany(self._statement, named)

    def commit(self) -> None:
        """End the transaction."""
        self._connection.commit()

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def _write(url: str) -> None:
    """Write rows at the rate until the process is ended."""
    writer = Writer(url)
    number = 0
    while True:
        due = time.monotonic() + _BATCH / _RATE
        number += 1
        writer.write(row(user, number) for user in random.sample(range(1, _USERS + 1), _BATCH))
        writer.commit()
        print(number * _BATCH, flush=True)
        time.sleep(max(0.0, due - time.monotonic()))


@contextmanager
def _writing(url: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.measure.feeding", "--write", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process
        finally:
            process.kill()


class Half(NamedTuple):
    """The 99th percentile of what a read took, in microseconds."""

    wall: float
    cpu: float


@dataclass
class Feeding:
    """Reads without a writer and beside one, round by round."""

    alone: list[Half] = field(default_factory=list)
    beside: list[Half] = field(default_factory=list)
    written: int = 0
    seconds: float = 0.0
    torn: int = 0

    @property
    def ratios(self) -> list[Half]:
        """What a read took beside the writer to without it, of each round."""
        pairs = zip(self.beside, self.alone, strict=True)
        return [Half(more.wall / less.wall, more.cpu / less.cpu) for more, less in pairs]


def measure(url: str, seconds: float, rounds: int) -> Feeding:
    """Read by turns without a writer, which is stopped where it is, and beside it."""
    found = Feeding()
    with closing(Store(url, RESOURCES)) as store:
        store.replace(CHARGE_PROCESS, (row(n, 0) for n in range(1, _USERS + 1)))
        with _writing(url) as writer:
            for _ in range(rounds):
                writer.send_signal(signal.SIGSTOP)
                found.alone.append(_read(store, seconds, found))
                writer.send_signal(signal.SIGCONT)
                found.beside.append(_read(store, seconds, found))
            found.seconds = seconds * rounds
            writer.kill()
            assert writer.stdout is not None
            lines = [line for line in writer.stdout.read().splitlines() if line]
            found.written = int(lines[-1])
    return found


def _read(store: Store, seconds: float, found: Feeding) -> Half:
    """Read random users; counts rows that hold two numbers."""
    wall: list[float] = []
    cpu: list[float] = []
    end = time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        worked = time.thread_time()
        read = store.latest(CHARGE_PROCESS, random.randint(1, _USERS))
        cpu.append(time.thread_time() - worked)
        wall.append(time.perf_counter() - started)
        found.torn += read is None or len({read[place] for place in _PLACES}) != 1
    return Half(quantiles(wall, n=100)[98] * 1e6, quantiles(cpu, n=100)[98] * 1e6)


def main() -> None:
    """Measure both databases and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="for each half of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", metavar="URL", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        _write(arguments.write)
    print("| database | rows written a second | p99 alone, us | p99 beside, us | ratio", end="")
    print(" | ratio of CPU | torn |\n|---|--:|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as name, postgres.server() as uri:
        for database, url in (("SQLite", f"sqlite:///{name}/s.sqlite"), ("PostgreSQL", uri)):
            found = measure(url, arguments.seconds, arguments.rounds)
            print(
                f"| {database} | {found.written / found.seconds:,.0f}"
                f" | {median(half.wall for half in found.alone):.0f}"
                f" | {median(half.wall for half in found.beside):.0f}"
                f" | {median(half.wall for half in found.ratios):.2f}"
                f" | {median(half.cpu for half in found.ratios):.2f} | {found.torn} |"
            )


if __name__ == "__main__":
    main()
