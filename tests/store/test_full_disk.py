"""Commands on a disk that becomes full at any step: nothing is half done, and the truth is told."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.server import demo
from app.store.store import Store, Stored
from tests import truth

resource = pytest.importorskip("resource", reason="there are no limits for files")

_COMMAND = [sys.executable, "-m", "app"]
_RECORD = json.loads(truth.PROCESSES.read_text(encoding="utf-8").splitlines()[0])


def _limited(size: int) -> Callable[[], None]:
    """Return what lets no file of a process grow beyond a size, as a full disk would."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _rows(first: int, count: int) -> list[Stored]:
    members = demo.processes()[0][2:]
    return [(number, number, *members) for number in range(first, first + count)]


def _file(folder: Path, first: int, count: int) -> Path:
    path = folder / "processes.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(first, first + count):
            file.write(json.dumps({**_RECORD, "process_id": number, "user_id": number}) + "\n")
    return path


def _run(
    env: dict[str, str], path: Path, *arguments: str, limit: int | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*_COMMAND, *arguments],
        env={**env, "CHARGECLOUD_DATABASE_URL": f"sqlite:///{path}"},
        preexec_fn=None if limit is None else _limited(limit),
        capture_output=True,
        text=True,
    )


def _stored(path: Path) -> list[Stored]:
    return list(Store(f"sqlite:///{path}", RESOURCES).all(CHARGE_PROCESS))


def _filled(path: Path, count: int) -> int:
    """Fill a store; returns the size of its file."""
    Store(f"sqlite:///{path}", RESOURCES).replace(CHARGE_PROCESS, _rows(0, count))
    return path.stat().st_size


def test_what_is_committed_is_no_failure(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """The log has room for the rows, the file has not: they are stored, and that is said."""
    store = tmp_path / "store.sqlite"
    size = _filled(store, 1000)

    done = _run(clean_env, store, "import", str(_file(tmp_path, 1000, 200)), limit=size + 4096)

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(": 200 processes\n")
    assert "All is stored, but SQLite's write-ahead log can't be emptied: " in done.stderr
    assert done.stderr.count("\n") == 1
    assert len(_stored(store)) == 1200


@pytest.mark.parametrize(
    ("command", "limit"),
    [
        ("import", 0),
        ("import", 20_000),
        ("import", 60_000),
        ("db upgrade", 0),
        ("db upgrade", 20_000),
    ],
)
def test_a_store_is_as_before_or_as_after(
    tmp_path: Path, clean_env: dict[str, str], command: str, limit: int
) -> None:
    """Wherever the room ends, what is said agrees with what is there, and the next try works."""
    store = tmp_path / "store.sqlite"
    files = [str(_file(tmp_path, 1000, 300))] if command == "import" else []

    done = _run(clean_env, store, *command.split(), *files, limit=limit)

    assert done.returncode == 1
    assert done.stderr.startswith(f"chargecloud: sqlite:///{store} can't be "), done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    _filled(store, 5)
    assert len(_stored(store)) == 5


def test_an_import_that_cant_say_so_is_no_failure(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    """Standard output goes to the full disk."""
    store, file = tmp_path / "store.sqlite", _file(tmp_path, 0, 3)
    (tmp_path / "out").write_bytes(bytes(1_000_000))
    with (tmp_path / "out").open("a", encoding="utf-8") as out:
        done = subprocess.run(
            [*_COMMAND, "import", str(file)],
            env={**clean_env, "CHARGECLOUD_DATABASE_URL": f"sqlite:///{store}"},
            preexec_fn=_limited(1_000_000),
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
        )

    assert done.returncode == 0
    assert (
        done.stderr == f"{file}: 3 processes (standard output can't be written: File too large)\n"
    )
    assert len(_stored(store)) == 3


def test_an_export_that_finds_no_room_fails(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """In one line, and the store is as it was."""
    store = tmp_path / "store.sqlite"
    _filled(store, 300)
    with (tmp_path / "out.jsonl").open("w", encoding="utf-8") as out:
        done = subprocess.run(
            [*_COMMAND, "export"],
            env={**clean_env, "CHARGECLOUD_DATABASE_URL": f"sqlite:///{store}"},
            preexec_fn=_limited(50_000),
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
        )

    assert done.returncode == 1
    assert done.stderr.startswith("chargecloud: ")
    assert done.stderr.count("\n") == 1
    assert len(_stored(store)) == 300


@contextmanager
def _small_disk(megabytes: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", folder]
        if subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("may not mount a file system")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount")
@pytest.mark.parametrize("rows", [2_000, 6_000])
def test_a_small_disk(tmp_path: Path, clean_env: dict[str, str], rows: int) -> None:
    """Of 4 MB: an import that says so is there, of another one nothing is."""
    file = _file(tmp_path, 0, rows)
    with _small_disk(4) as disk:
        store = disk / "store.sqlite"
        done = _run(clean_env, store, "import", str(file))
        check = _run(clean_env, store, "db", "check")

        assert done.stderr.count("\n") <= 1
        assert done.returncode in (0, 1)
        if check.returncode == 0:
            assert len(_stored(store)) == (0 if done.returncode else rows)


def test_an_upgrade_that_cannot_be_told_is_none_that_failed(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    """Standard output is full; the result is on standard error."""
    store = tmp_path / "store.sqlite"
    command = f"{sys.executable} -m app db upgrade > /dev/full"
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": f"sqlite:///{store}"}

    done = subprocess.run(command, shell=True, env=env, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "no version, now 0002 (standard output can't be written: " in done.stderr


def test_an_export_without_an_output_is_one_line(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """Nothing is written, and that is no success."""
    store = tmp_path / "store.sqlite"
    _filled(store, 1)
    command = f"{sys.executable} -m app export >&-"
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": f"sqlite:///{store}"}

    done = subprocess.run(command, shell=True, env=env, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (1, "chargecloud: standard output is closed\n")
