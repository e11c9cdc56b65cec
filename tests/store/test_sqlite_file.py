"""The file of a SQLite store belongs to its owner alone."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.store.store import Store
from tests import truth

_CODE = """\
import os, sys
from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.store.store import Store

os.umask(int(sys.argv[2], 8))
store = Store(sys.argv[1], RESOURCES, with_folder=True)
store.latest(CHARGE_PROCESS, 1)
print("open", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
@pytest.mark.parametrize("umask", ["000", "022", "077"])
def test_what_is_created_belongs_to_the_owner(tmp_path: Path, umask: str) -> None:
    """The folder, the file and the two that SQLite puts beside it, whatever the umask."""
    path = tmp_path / "new" / "store.sqlite"
    command = [sys.executable, "-c", _CODE, f"sqlite:///{path}", umask]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"open\n"
        modes = {each.name: oct(each.stat().st_mode & 0o777) for each in path.parent.iterdir()}
        running.communicate(b"")

    assert oct(path.parent.stat().st_mode & 0o777) == oct(0o700)
    assert modes == dict.fromkeys(
        ["store.sqlite", "store.sqlite-shm", "store.sqlite-wal"], oct(0o600)
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_a_file_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    """Another program may write it."""
    path = tmp_path / "store.sqlite"
    path.touch(0o640)
    path.chmod(0o640)

    Store(f"sqlite:///{path}", RESOURCES).prepare()

    assert oct(path.stat().st_mode & 0o777) == oct(0o640)


@pytest.mark.parametrize("name", ["a b.sqlite", "ş%20#.sqlite"])
def test_any_name_is_kept(tmp_path: Path, name: str) -> None:
    """A name is no part of a URL for SQLite."""
    store = Store(f"sqlite:///{tmp_path}/{quote(name)}", RESOURCES)

    assert store.latest(CHARGE_PROCESS, 1) is None
    store.close()
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_serve_creates_no_folder(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """A mistyped one is named."""
    port = truth.free_port()
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": f"sqlite:///{tmp_path}/typo/store.sqlite"}
    command = [sys.executable, "-m", "app", "serve", "--workers", "1"]
    command += ["--bind", f"127.0.0.1:{port}"]
    with truth.running(command, port, env, tmp_path) as server:
        said = f"there is no folder {tmp_path}/typo"
        truth.until(lambda: said in server.output())

    assert not (tmp_path / "typo").exists()
