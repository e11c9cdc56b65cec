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
from app.server import demo
from app.store.store import Stored
from app.store.transfer import reading, records
from tests import terminal, truth
from tests.measure import bulk

LINE = records.writer(CHARGE_PROCESS)
_FIRST = LINE(demo.processes()[0]).encode()

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
    before = set(truth.children(os.getpid()))
    with (
        file.open("rb") as stream,
        reading.values(stream, "file", CHARGE_PROCESS, None, True, places.append) as rows,
    ):
        first = next(rows)

        assert set(truth.children(os.getpid())) - before
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
    before = set(truth.children(os.getpid()))
    with file.open("rb") as stream, reading.values(stream, "file", CHARGE_PROCESS, None) as rows:
        next(rows)
        (reader,) = set(truth.children(os.getpid())) - before
        os.kill(reader, signal.SIGKILL)

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


_MEASURED = """
import atexit, resource, sys
from pathlib import Path

def peak():
    own = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    return max(int(own), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) // 1024

atexit.register(lambda: print(peak()))
from app.__main__ import main
main.main(["import", *sys.argv[1:]])
"""


@pytest.mark.parametrize(
    ("name", "head", "size", "said"),
    [
        ("line", b'{"station_name":"', 300 << 20, ":1: the line is longer than 16 MB"),
        ("second line", _FIRST, 300 << 20, ":2: the line is longer than 16 MB"),
        ("zeros", b"", 300 << 20, ":1: the line is longer than 16 MB"),
        ("element", b'[{"station_name":"', 0, ":1: element 1 is longer than 16 MB"),
        ("answer", b"\n\n<ChargeProcess>", 300 << 20, ":3: the answer is longer than 16 MB"),
    ],
)
def test_what_is_too_long_is_refused_in_bounded_memory(
    tmp_path: Path, clean_env: dict[str, str], name: str, head: bytes, size: int, said: str
) -> None:
    """With its line, whatever the file's size; 16 MB of it are the most that is ever held."""
    # What a file is enlarged by are zeros that take no room.
    path = tmp_path / name
    path.write_bytes(head if size else head + b"a" * (20 << 20))
    if size:
        os.truncate(path, size)

    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, "--user-id", "1", str(path)],
        env={**clean_env, "CHARGECLOUD_DATABASE_URL": _url(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert said in done.stderr
    assert 20 < int(done.stdout) < 180


def test_endless_zeros_are_refused(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """A device that never ends is read for 16 MB."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, "/dev/zero"],
        env={**clean_env, "CHARGECLOUD_DATABASE_URL": _url(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert "/dev/zero:1: the line is longer than 16 MB" in done.stderr
    assert 20 < int(done.stdout) < 180


_WITHOUT = """
import os, sys
for name in ("fork", "forkpty", "register_at_fork"):
    delattr(os, name)
sys.modules["fcntl"] = sys.modules["resource"] = None
from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.store.store import Store
from app.store.transfer import reading
store = Store(sys.argv[1], RESOURCES)
with open(sys.argv[2], "rb") as file:
    with reading.values(file, "file", CHARGE_PROCESS, None, True, print) as rows:
        print(store.replace(CHARGE_PROCESS, rows), "in all")
"""


def test_a_big_file_is_imported_without_fork(
    file: Path, tmp_path: Path, clean_env: dict[str, str]
) -> None:
    """As on Windows: in one process, which tells its place too."""
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, _url(tmp_path), str(file)],
        env=clean_env,
        capture_output=True,
        text=True,
    )

    assert done.stderr == ""
    *places, count = done.stdout.splitlines()
    assert count == f"{_COUNT} in all"
    assert int(places[-1]) == file.stat().st_size


@pytest.mark.parametrize("big", [True, False])
def test_no_child_outlives_a_killed_import(
    file: Path, tmp_path: Path, clean_env: dict[str, str], big: bool
) -> None:
    """Neither one that reads a file, nor one that waits for a pipe; and no file is left."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    process = subprocess.Popen(
        [*_COMMAND, "import", str(file) if big else "-"],
        env={**clean_env, "CHARGECLOUD_DATABASE_URL": _url(tmp_path), "TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    truth.until((tmp_path / "store.sqlite").exists)

    process.kill()
    process.wait()

    bulk.wait_for_end(process.pid)
    assert process.stdin is not None
    process.stdin.close()
    assert list(temporary.iterdir()) == []


@pytest.mark.timeout(600)
def test_a_killed_import_leaves_all_or_nothing(empty_url: str, tmp_path: Path) -> None:
    """Killed at any moment; CHARGE_IMPORT_KILLS says how often, and the next import works."""
    kills = int(os.environ.get("CHARGE_IMPORT_KILLS", "5"))
    killed = bulk.Killed(empty_url, tmp_path / "file.jsonl", 6_000)
    rng = random.Random(time.time_ns())

    for _ in range(kills):
        killed.kill(rng)

    assert sum(killed.outcomes.values()) == kills


def test_files_are_opened_one_after_another(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """There may be more of them than a process may open."""
    resource = pytest.importorskip("resource")
    files = []
    for number in range(100):
        files.append(tmp_path / f"{number}.jsonl")
        files[-1].write_bytes(_FIRST)
    done = subprocess.run(
        [*_COMMAND, "import", *map(str, files)],
        env={**clean_env, "CHARGECLOUD_DATABASE_URL": _url(tmp_path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("1 processes") == 100
