"""A file is read in a process of its own, and gives what it gives without one."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from app.errors import StoreError
from app.host.actions import CHARGE_PROCESS
from app.store.store import Stored
from app.store.transfer import reading, records
from tests import terminal
from tests.measure import bulk

LINE = records.writer(CHARGE_PROCESS)

_COUNT = 6_000
_COMMAND = [sys.executable, "-m", "app"]


@pytest.fixture
def processes() -> list[Stored]:
    """Processes for a file of some megabytes."""
    return list(bulk.generated(_COUNT))


@pytest.fixture
def file(tmp_path: Path, processes: list[Stored]) -> Path:
    """Their file."""
    path = tmp_path / "file.jsonl"
    bulk.write_file(path, processes)
    return path


def test_a_big_file_is_read_beside(file: Path, processes: list[Stored]) -> None:
    """All of it, in order, by another process, and its place is told."""
    places: list[int] = []
    with (
        file.open("rb") as stream,
        reading.values(stream, "file", CHARGE_PROCESS, None, True, places.append) as rows,
    ):
        first = next(rows)
        children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text()

        assert children.strip()
        assert [first, *rows] == processes
    assert places == sorted(places)
    assert places[-1] == file.stat().st_size


def test_an_error_says_where_it_is(file: Path, processes: list[Stored]) -> None:
    """File, line and member, as without the other process."""
    with file.open("a") as more:
        more.write(LINE(processes[0]).replace('"price":', '"price":-x'))
    with (
        file.open("rb") as stream,
        reading.values(stream, "file", CHARGE_PROCESS, None) as rows,
        pytest.raises(StoreError, match=rf"^file:{_COUNT + 1}: is not JSON: "),
    ):
        list(rows)


def test_a_dead_reader_is_an_error(file: Path) -> None:
    """Half a file is not taken for a whole one."""
    with file.open("rb") as stream, reading.values(stream, "file", CHARGE_PROCESS, None) as rows:
        next(rows)
        children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text()
        os.kill(int(children.split()[0]), signal.SIGKILL)

        with pytest.raises(StoreError, match="file can't be read: its reader was killed"):
            list(rows)


def _url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.sqlite'}"


def _on_terminal(env: dict[str, str], *arguments: str) -> tuple[bytes, bytes]:
    """Run the command with standard error on a terminal; returns output and what it shows."""
    here, there = terminal.pair()
    shown: list[bytes] = []

    def read() -> None:
        with suppress(OSError):
            while part := os.read(here, 65536):
                shown.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    command = [*_COMMAND, *arguments]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=there, check=True)
    os.close(there)
    reader.join()
    os.close(here)
    return done.stdout, b"".join(shown)


def test_a_terminal_shows_a_bar(file: Path, tmp_path: Path, clean_env: dict[str, str]) -> None:
    """Up to 100 %, on standard error, and nothing of it in the output."""
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": _url(tmp_path)}

    said, taking = _on_terminal(env, "import", str(file))
    lines, giving = _on_terminal(env, "export")

    assert said.decode() == f"{file}: {_COUNT} processes\n"
    assert sorted(lines.splitlines()) == sorted(file.read_bytes().splitlines())
    assert b" 0%" in taking + giving
    assert b"100%" in taking
    assert b"100%" in giving


@pytest.mark.parametrize("redirected", [True, False])
def test_a_pipe_shows_none(
    file: Path, tmp_path: Path, clean_env: dict[str, str], redirected: bool
) -> None:
    """Standard input may be a file or a pipe; it is read beside too."""
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": _url(tmp_path)}
    with file.open("rb") as stream:
        given: dict[str, Any] = {"stdin": stream} if redirected else {"input": stream.read()}
        done = subprocess.run([*_COMMAND, "import", "-"], env=env, capture_output=True, **given)

    assert done.stderr == b""
    assert done.stdout == f"<stdin>: {_COUNT} processes\n".encode()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Neither lines nor an array of 30 MB cost more than the service itself does."""
    processes = list(bulk.generated(40_000))
    bulk.write_file(tmp_path / "lines.jsonl", processes)
    array = ",".join(map(LINE, processes))
    (tmp_path / "array.json").write_text(f"[{array}]")

    peaks = [
        bulk.measure(_url(tmp_path), "import", str(tmp_path / name))[1]
        for name in ("lines.jsonl", "array.json")
    ]

    assert 20 < min(peaks) <= max(peaks) < 130


@pytest.mark.timeout(600)
def test_a_killed_import_leaves_all_or_nothing(empty_url: str, tmp_path: Path) -> None:
    """Killed at any moment; CHARGE_IMPORT_KILLS says how often, and the next import works."""
    kills = int(os.environ.get("CHARGE_IMPORT_KILLS", "5"))
    killed = bulk.Killed(empty_url, tmp_path / "file.jsonl", 6_000)
    rng = random.Random(time.time_ns())

    for _ in range(kills):
        killed.kill(rng)

    assert sum(killed.outcomes.values()) == kills
