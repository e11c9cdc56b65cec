"""A SQLite file that can't be used: a line in the log, a 500 on the wire, no traceback."""

import json
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.server import demo
from app.store.store import Store
from tests import truth

_COMMAND = [sys.executable, "-m", "app"]
_STATUS = "/ChargeProcess/Status?user_id=1"


def _filled(path: Path) -> Path:
    store = Store(f"sqlite:///{path}", RESOURCES)
    store.replace(
        CHARGE_PROCESS, ((user, user, *demo.processes()[0][2:]) for user in range(1, 400))
    )
    store.close()
    return path


@contextmanager
def _served(path: Path, env: dict[str, str], **settings: str) -> Iterator[tuple[int, truth.Server]]:
    port = truth.free_port()
    env = {**env, "CHARGECLOUD_DATABASE_URL": f"sqlite:///{path}"}
    env |= {f"CHARGECLOUD_{name}": text for name, text in settings.items()}
    command = [*_COMMAND, "serve", "--workers", "1", "--bind", f"127.0.0.1:{port}"]
    with truth.running(command, port, env, path.parent if path.parent.is_dir() else None) as server:
        yield port, server


def _ask(port: int, target: str = _STATUS) -> truth.Answer:
    client = truth.Client(port)
    try:
        return client.ask("GET", target, [("Host", "a"), ("Accept", "application/json")])
    finally:
        client.close()


def _errors(server: truth.Server) -> list[str]:
    lines = [line for line in server.output().splitlines() if line.startswith("{")]
    return [made["message"] for line in lines if (made := json.loads(line))["level"] == "error"]


def _overwrite_pages(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xaa" * (path.stat().st_size - 4096))


def _overwrite_header(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_overwrite_pages, "malformed"),
        (_overwrite_header, "file is not a database"),
        (_replace_by_folder, "unable to open database file"),
    ],
)
def test_a_damaged_file(
    tmp_path: Path, clean_env: dict[str, str], damage: Callable[[Path], None], said: str
) -> None:
    """From the start, or under a running service."""
    path = _filled(tmp_path / "store.sqlite")
    with _served(path, clean_env) as (port, server):
        before = _ask(port)
        damage(path)
        # The service looks at the file 20 times a second.
        time.sleep(0.1)
        after, other = _ask(port), _ask(port, "/nothing")

        assert (before.status, after.status, other.status) == (200, 500, 404)
        assert truth.json_of(after) == {"Message": "An error has occurred."}
        (line,) = _errors(server)
        assert said in line
        assert "Traceback" not in server.output()


def test_a_file_system_that_cant_be_written(clean_env: dict[str, str]) -> None:
    """The kernel's own file system takes no file."""
    with _served(Path("/proc/store.sqlite"), clean_env) as (port, server):
        assert _ask(port).status == 500
        assert {line.rpartition(" can't be ")[2] for line in _errors(server)} == {
            "read: No such file or directory"
        }
        assert "Traceback" not in server.output()


def test_a_locked_file_is_given_up_in_time(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """By another program that wants it for itself; other paths don't wait."""
    path = _filled(tmp_path / "store.sqlite")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        with _served(path, clean_env, DATABASE_TIMEOUT="2") as (port, server):
            started = time.monotonic()
            status = _ask(port).status
            seconds = time.monotonic() - started
            nothing = _ask(port, "/nothing").status
            other.execute("ROLLBACK")

            assert (status, nothing, _ask(port).status) == (500, 404, 200)
            assert seconds < 4
            assert any("database is locked" in line for line in _errors(server))


def test_a_full_disk_leaves_the_store_as_it_was(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """An import that finds no room says so in one line, and nothing of it is there."""
    path = _filled(tmp_path / "store.sqlite")
    url = f"sqlite:///{path}"
    before = list(Store(url, RESOURCES).all(CHARGE_PROCESS))
    lines = tmp_path / "many.jsonl"
    record = truth.PROCESSES.read_text(encoding="utf-8").splitlines()[0]
    made = json.loads(record)
    with lines.open("w", encoding="utf-8") as file:
        for number in range(3000):
            file.write(json.dumps({**made, "process_id": number, "user_id": number}) + "\n")

    done = subprocess.run(
        [*_COMMAND, "import", str(lines)],
        env={**clean_env, "CHARGECLOUD_DATABASE_URL": url},
        preexec_fn=_no_room,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert done.stderr.startswith(f"chargecloud: {url} can't be written: ")
    assert done.stderr.count("\n") == 1
    assert list(Store(url, RESOURCES).all(CHARGE_PROCESS)) == before


def _no_room() -> None:
    """Let no file grow beyond 300 KB, as a full disk would."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
