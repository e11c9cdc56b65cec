"""Changes of the key file: side by side, on a full disk, through a link, and ended half-way."""

import os
import random
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from app.host.access import key_file
from app.host.access.api_keys import ApiKeys, KeyFileError
from tests.conftest import ROOT

_CHANGE = """
import sys
from app.host.access import key_file
path, process = sys.argv[1:]
for number in range(80):
    key_file.add(path, f"kept-{process}-{number}")
    key_file.add(path, f"gone-{process}-{number}")
    key_file.revoke(path, f"gone-{process}-{number}")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A place for a key file."""
    return tmp_path / "keys"


def test_no_change_is_lost_beside_others(path: Path) -> None:
    """Four processes make and revoke keys at once; a reader never finds a damaged file."""
    reader = ApiKeys(str(path))
    names: set[str] = set()
    command = [sys.executable, "-c", _CHANGE, str(path)]
    processes = [subprocess.Popen([*command, str(n)], cwd=ROOT) for n in range(4)]
    while any(process.poll() is None for process in processes):
        names = set(reader.names())

    assert [process.wait() for process in processes] == [0] * 4
    expected = {f"kept-{process}-{number}" for process in range(4) for number in range(80)}
    assert set(ApiKeys(str(path)).names()) == set(reader.names()) == expected
    assert names <= expected | {name.replace("kept", "gone") for name in expected}


def test_pairs_of_changes_both_take_effect(path: Path) -> None:
    """A key is added while another one is revoked, 300 times, by threads that start together."""
    lost = []
    for number in range(300):
        if number % 30 == 0:
            path.unlink(missing_ok=True)
        key_file.add(str(path), f"old-{number}")
        both = threading.Barrier(2)

        def change(
            what: Callable[[str, str], object], name: str, both: threading.Barrier = both
        ) -> None:
            both.wait()
            what(str(path), name)

        threads = [
            threading.Thread(target=change, args=(key_file.add, f"new-{number}")),
            threading.Thread(target=change, args=(key_file.revoke, f"old-{number}")),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        names = ApiKeys(str(path)).names()
        if f"new-{number}" not in names or f"old-{number}" in names:
            lost.append(number)

    assert lost == []


def test_a_link_stays_one_and_the_file_stays_what_it_was(path: Path, tmp_path: Path) -> None:
    """Owner, mode and the file itself are those from before."""
    path.touch()
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 12345, 23456)
    link = tmp_path / "link"
    link.symlink_to(path)
    before = path.stat()

    key_file.add(str(link), "a")
    key_file.add(str(link), "b")
    key_file.revoke(str(link), "a")

    after = path.stat()
    assert link.is_symlink()
    assert (after.st_ino, after.st_uid, after.st_gid) == (
        before.st_ino,
        before.st_uid,
        before.st_gid,
    )
    assert stat.S_IMODE(after.st_mode) == 0o640
    assert list(ApiKeys(str(path)).names()) == ["b"]


def test_a_new_file_is_for_its_owner_whatever_the_umask(path: Path) -> None:
    """Nobody else reads even hashes."""
    before = os.umask(0)
    try:
        key_file.add(str(path), "a")
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_but_the_file_is_made(path: Path) -> None:
    """A kill can't leave a second file, since there never is one."""
    key_file.add(str(path), "a")
    key_file.revoke(str(path), "a")

    assert [item.name for item in path.parent.iterdir()] == ["keys"]


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_line_that_was_cut_off_holds_no_key_and_is_replaced(path: Path, cut: int) -> None:
    """What a killed command left damages neither the other keys nor the next one."""
    key_file.add(str(path), "a")
    key_file.add(str(path), "half")
    path.write_bytes(path.read_bytes()[: -cut - 1])

    before = set(ApiKeys(str(path)).names())
    key_file.add(str(path), "b")

    assert before == {"a"}
    assert set(ApiKeys(str(path)).names()) == {"a", "b"}


def test_a_kill_loses_no_key_and_leaves_no_revoked_one(path: Path) -> None:
    """Whenever it comes; CHARGE_KEY_KILLS says how often. The change in progress is made or not."""
    code = (
        "import itertools, sys; from app.host.access import key_file\n"
        "for number in itertools.count(int(sys.argv[2])):\n"
        "    key_file.add(sys.argv[1], f'n{number}'); print(f'added n{number}', flush=True)\n"
        "    key_file.revoke(sys.argv[1], f'n{number}'); print(f'revoked n{number}', flush=True)\n"
    )
    rng = random.Random(1)
    key_file.add(str(path), "kept")

    for kill in range(int(os.environ.get("CHARGE_KEY_KILLS", "5"))):
        command = [sys.executable, "-c", code, str(path), str(kill * 100_000)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            time.sleep(rng.uniform(0, 0.02))
            process.kill()
            done, name = [first, *process.stdout.readlines()][-1].split()
        left = set(ApiKeys(str(path)).names())
        number = int(name[1:])

        assert "kept" in left
        if done == "added":
            assert left <= {"kept", name}
        else:
            assert left <= {"kept", f"n{number + 1}"}
        for other in left - {"kept"}:
            key_file.revoke(str(path), other)


def test_a_full_disk_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is written as a whole or not at all, and the command says why."""
    key_file.add(str(path), "a")
    before = path.read_bytes()
    code = "import resource, sys; from app.host.access import key_file; "
    code += f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 30},) * 2); "
    code += "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    code += "key_file.add(sys.argv[1], 'b')"

    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True
    )

    assert "KeyFileError" in done.stderr
    assert "can't be changed: " in done.stderr
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        "# by hand\n{line}",
        "{line}\n\n# by hand",
        "  {line}  \n",
        "\n\n{line}\r\n",
        "# é\n{line}\n",
    ],
)
def test_a_file_written_by_hand_can_be_changed(path: Path, content: str) -> None:
    """Comments, blanks, other line ends and a missing last one are left as they are."""
    line = f"old sha256:{sha256(b'x').hexdigest()} 2026-01-01"
    path.write_text(content.replace("{line}", line), newline="")

    key_file.add(str(path), "new")
    both = set(ApiKeys(str(path)).names())
    key_file.revoke(str(path), "old")

    assert both == {"old", "new"}
    assert set(ApiKeys(str(path)).names()) == {"new"}
    assert ("by hand" in path.read_text()) == ("by hand" in content)


def test_a_change_within_one_tick_of_the_clock_is_seen(path: Path) -> None:
    """A key that was revoked at once is refused though size and time stamp stayed the same."""
    key_file.add(str(path), "a")
    key = key_file.add(str(path), "b")
    keys = ApiKeys(str(path))
    before = path.stat()
    known = keys.owner(key)

    key_file.revoke(str(path), "b")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert path.stat().st_size == before.st_size
    assert known == "b"
    assert keys.owner(key) is None


def test_a_folder_is_refused_with_its_reason(tmp_path: Path) -> None:
    """One line that names the file."""
    with pytest.raises(KeyFileError, match=f"^the key file {tmp_path} can't be changed: Is a dir"):
        key_file.add(str(tmp_path), "a")
