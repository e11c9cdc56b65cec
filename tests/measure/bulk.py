"""Imports and exports at scale: rates, memory, and what ``kill -9`` leaves.

python -m tests.measure.bulk --processes 1000000 --kills 50
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import psutil
from sqlalchemy import create_engine, delete
from sqlalchemy.pool import NullPool

from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.store.store import Store, Stored
from app.store.transfer import records
from tests import postgres, truth
from tests.measure import benchmark

LINE = records.writer(CHARGE_PROCESS)

_CHARGECLOUD = [sys.executable, "-m", "app"]
_ROOT = Path(__file__).parent.parent.parent


def write_file(path: Path, processes: Iterable[Stored]) -> None:
    """Write processes as JSON lines."""
    with path.open("w", encoding="ascii") as file:
        file.writelines(map(LINE, processes))


def generated(count: int) -> Iterator[Stored]:
    """Give processes of random users, two for each on average."""
    return islice(benchmark.processes(count), count)


def start(url: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start the chargecloud command in a session of its own."""
    env = {name: text for name, text in os.environ.items() if not name.startswith("CHARGECLOUD_")}
    return subprocess.Popen(
        [*_CHARGECLOUD, *arguments],
        cwd=_ROOT,
        env={**env, "CHARGECLOUD_DATABASE_URL": url, "PYTHONPATH": str(_ROOT)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


class Killed:
    """Kills imports of a file into a store and looks at what each left.

    The store holds some processes before; the file replaces half of them and adds others.
    """

    def __init__(self, url: str, file: Path, count: int) -> None:
        self.store = Store(url, RESOURCES)
        self.url = url
        self.file = file
        self.outcomes = {"before": 0, "after": 0}
        processes = list(generated(count))
        self._before = [(row[0] + 1, *row[1:]) for row in processes[: count // 2]]
        self._before += [(7, -number, *processes[0][2:]) for number in range(1, count // 10)]
        write_file(file, processes)
        merged = {row[1]: row for row in (*self._before, *processes)}
        self._states = {
            "before": sorted(self._before, key=lambda row: row[:2]),
            "after": sorted(merged.values(), key=lambda row: row[:2]),
        }
        self._engine = create_engine(url, poolclass=NullPool)
        self._reset()
        started = time.monotonic()
        assert start(url, "import", str(file)).wait() == 0
        self._duration = time.monotonic() - started
        assert self._state() == "after"

    def kill(self, rng: random.Random) -> None:
        """Kill one import at a random moment."""
        self._reset()
        process = start(self.url, "import", str(self.file))
        time.sleep(rng.uniform(self._duration / 4, self._duration))
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.outcomes[self._state()] += 1
        wait_for_end(process.pid)
        with self.file.open("rb") as stream:
            self.store.replace(CHARGE_PROCESS, records.read(stream, "file", CHARGE_PROCESS))
        assert self._state() == "after"

    def _state(self) -> str:
        """Return which state the store is in; there is no third."""
        rows = list(self.store.all(CHARGE_PROCESS))
        (found,) = (name for name, state in self._states.items() if state == rows)
        return found

    def _reset(self) -> None:
        self.store.prepare()
        with self._engine.begin() as connection:
            connection.execute(delete(self.store.tables[CHARGE_PROCESS]))
        self.store.replace(CHARGE_PROCESS, self._before)


def wait_for_end(session: int) -> None:
    """Wait until no process of a session is left: the reader ends with the command."""
    deadline = time.monotonic() + 10
    while any(_runs_in(session, process) for process in psutil.process_iter()):
        assert time.monotonic() < deadline, "a process is left"
        time.sleep(0.02)


def _runs_in(session: int, process: psutil.Process) -> bool:
    """Whether a process runs; one that has ended waits for its parent, in a container for ever."""
    with suppress(ProcessLookupError, psutil.NoSuchProcess):
        return os.getpgid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE
    return False


def measure(url: str, *arguments: str) -> tuple[float, int]:
    """Run the command and return its seconds and its peak memory in MB, with its children."""
    started = time.monotonic()
    process = start(url, *arguments)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _memory(process.pid))
        time.sleep(0.05)
    assert process.returncode == 0
    return time.monotonic() - started, peak


def _memory(pid: int) -> int:
    """Return the memory of a process and its children, shared pages counted once, in MB."""
    total = 0
    with suppress(OSError, ValueError):
        for one in (pid, *truth.children(pid)):
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
            total += int(rollup.partition("\nPss:")[2].split()[0])
    return total // 1024


def _report(folder: Path, urls: dict[str, str], count: int, kills: int) -> None:
    print("| database | what | processes/s | seconds | peak memory, MB |")
    print("|---|---|--:|--:|--:|")
    write_file(folder / "file.jsonl", generated(count))
    for name, url in urls.items():
        Store(url, RESOURCES).prepare()
        for what in ("import", "import again", "export"):
            more = [str(folder / "file.jsonl")] if what != "export" else []
            seconds, peak = measure(url, what.split()[0], *more)
            print(
                f"| {name} | {what} | {count / seconds:,.0f} | {seconds:.1f} | {peak} |", flush=True
            )
    for name, url in urls.items() if kills else ():
        killed = Killed(url, folder / "kills.jsonl", 20_000)
        for number in range(kills):
            killed.kill(random.Random(number))
        print(f"{name}: {kills} imports killed: {killed.outcomes}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=0, help="imports killed for each database")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, postgres.server() as uri:
        urls = {"SQLite": f"sqlite:///{name}/store.sqlite", "PostgreSQL": uri}
        _report(Path(name), urls, arguments.processes, arguments.kills)


if __name__ == "__main__":
    main()
