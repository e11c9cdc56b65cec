"""The commands where a Python has no fork, no fcntl and no epoll, as on Windows.

Neither Windows nor macOS is at hand: this is Linux with the names taken away. mypy reads the
code for both systems (setup.cfg).
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import truth

_WITHOUT = """
import multiprocessing, os, runpy, select, signal, sys
for module, names in {
    os: "fork forkpty register_at_fork sched_getaffinity sched_setaffinity"
        " sched_getscheduler sched_setscheduler fchown fchmod geteuid getuid posix_fallocate",
    signal: "SIGQUIT SIGHUP SIGUSR1 SIGUSR2 pthread_sigmask",
    select: "epoll",
}.items():
    for name in names.split():
        delattr(module, name)
# Without fork there is spawn alone.
multiprocessing.set_start_method("spawn")
for name in ("fcntl", "grp", "pwd", "resource", "gunicorn"):
    sys.modules[name] = None
sys.argv = ["chargecloud", *sys.argv[1:]]
runpy.run_module("app", run_name="__main__")
"""


@pytest.fixture
def env(clean_env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Settings for a store of its own."""
    return {**clean_env, "CHARGECLOUD_DATABASE_URL": f"sqlite:///{tmp_path / 'store.sqlite'}"}


def _run(env: dict[str, str], cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _WITHOUT, *arguments],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_commands_run(env: dict[str, str], tmp_path: Path) -> None:
    """Upgrade, import, export, and what only shows something."""
    for arguments in (
        ["db", "upgrade"],
        ["import", str(truth.PROCESSES)],
        ["export"],
        ["config"],
        ["schema", "xsd"],
        ["replay", "--help"],
        ["deploy", "nginx", "--name", "a.example"],
    ):
        done = _run(env, tmp_path, *arguments)

        assert (done.returncode, done.stderr) == (0, ""), arguments
        if arguments == ["export"]:
            assert done.stdout == truth.PROCESSES.read_text(encoding="utf-8")


def test_keys_are_locked_by_the_systems_own_lock(env: dict[str, str], tmp_path: Path) -> None:
    """fcntl is on macOS too; Windows' own lock is chosen by the name of the system."""
    code = _WITHOUT.replace('"fcntl", ', "")
    env["CHARGECLOUD_API_KEYS_FILE"] = str(tmp_path / "keys")
    command = [sys.executable, "-c", code, "keys", "add", "phone"]

    subprocess.run(command, env=env, cwd=tmp_path, check=True, timeout=60)

    assert (tmp_path / "keys").read_text().startswith("phone sha256:")


def test_waitress_serves(database_url: str, env: dict[str, str], tmp_path: Path) -> None:
    """With the recorded bytes."""
    port = truth.free_port()
    command = [sys.executable, "-c", _WITHOUT, "serve", "--server", "waitress"]
    command += ["--bind", f"127.0.0.1:{port}"]
    env["CHARGECLOUD_DATABASE_URL"] = database_url
    recording = truth.recordings()[0]
    with truth.running(command, port, env, tmp_path):
        client = truth.Client(port)
        answer = client.ask(recording.method, recording.target, recording.headers)
        client.close()

    assert truth.differences(recording, answer) == []


def test_gunicorn_names_the_server_that_runs_there(env: dict[str, str], tmp_path: Path) -> None:
    """One line instead of a missing module of the standard library."""
    code = _WITHOUT.replace(', "gunicorn"', "")

    done = subprocess.run(
        [sys.executable, "-c", code, "serve", "--server", "gunicorn"],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert done.stderr == (
        "chargecloud: --server gunicorn does not run on this system; --server waitress does\n"
    )
