"""serve: an address that can't be had, a server that isn't there, Ctrl-C while it starts."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import truth

_SERVE = [sys.executable, "-m", "app", "serve"]
_SERVERS = ["gunicorn", "granian", "waitress"]
_MARK = "| signal"
"""The first import of the command; with it the command handles Ctrl-C."""


@pytest.fixture
def env(database_url: str, clean_env: dict[str, str]) -> dict[str, str]:
    """Settings for the recorded processes."""
    return {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}


@pytest.fixture
def taken() -> Iterator[str]:
    """An address that someone else listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield f"127.0.0.1:{other.getsockname()[1]}"


def _refused(command: list[str], env: dict[str, str], cwd: Path) -> str:
    """Run a command that fails, and return its one line."""
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("server", _SERVERS)
def test_a_taken_address_is_one_line(
    server: str, taken: str, env: dict[str, str], tmp_path: Path
) -> None:
    """The line names the address and the reason."""
    line = _refused([*_SERVE, "--server", server, "--bind", taken], env, tmp_path)

    assert line == f"chargecloud: --bind {taken} can't be listened on: Address already in use"


@pytest.mark.parametrize("server", _SERVERS)
def test_a_taken_address_for_metrics_is_one_line(
    server: str, taken: str, env: dict[str, str], tmp_path: Path
) -> None:
    """The line names the setting."""
    command = [*_SERVE, "--server", server, "--bind", f"127.0.0.1:{truth.free_port()}"]

    line = _refused(command, {**env, "CHARGECLOUD_METRICS": taken}, tmp_path)

    assert line.startswith(f"chargecloud: CHARGECLOUD_METRICS {taken} can't be listened on: ")


@pytest.mark.parametrize("server", _SERVERS)
def test_one_address_for_two_purposes_is_one_line(
    server: str, env: dict[str, str], tmp_path: Path
) -> None:
    """The metrics' address is the service's own."""
    address = f"127.0.0.1:{truth.free_port()}"
    command = [*_SERVE, "--server", server, "--bind", address]

    line = _refused(command, {**env, "CHARGECLOUD_METRICS": address}, tmp_path)

    assert line.startswith(f"chargecloud: CHARGECLOUD_METRICS {address} can't be listened on: ")


def test_a_missing_key_file_is_said(env: dict[str, str], tmp_path: Path) -> None:
    """A mistyped path would refuse every client in silence."""
    port, keys = truth.free_port(), tmp_path / "keys"
    command = [*_SERVE, "--bind", f"127.0.0.1:{port}"]
    with truth.running(
        command, port, {**env, "CHARGECLOUD_API_KEYS_FILE": str(keys)}, tmp_path
    ) as server:
        said = server.output()

    assert f"chargecloud: there is no key file {keys}: every key is refused\n" in said


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("192.0.2.7:8000", "Cannot assign requested address"),
        ("a..b:8000", "a..b is not a host name"),
        ("nowhere.invalid:8000", "Name or service not known|Temporary failure in name resolution"),
    ],
)
def test_a_foreign_address_is_one_line(
    address: str, reason: str, env: dict[str, str], tmp_path: Path
) -> None:
    """An address of another machine, and a name of none."""
    line = _refused([*_SERVE, "--bind", address], env, tmp_path)

    start = f"chargecloud: --bind {address} can't be listened on: "
    assert line.startswith(start)
    assert line.removeprefix(start) in reason.split("|")


def test_a_privileged_address_is_one_line() -> None:
    """A port that only root may use, requested by another user."""
    allowed = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text().strip()
    if int(allowed) == 0:
        pytest.skip("every user may listen on every port here")
    code = """
import os
from app.server import servers
"".encode("idna")  # the codec's file may be root's alone
if os.geteuid() == 0:
    os.setuid(65534)
try:
    servers.check_addresses({"--bind": "127.0.0.1:1"})
except servers.AddressError as error:
    print(error)
"""

    said = truth.python(code)

    assert said == "--bind 127.0.0.1:1 can't be listened on: Permission denied\n"


def test_the_check_of_an_address_is_quick(taken: str) -> None:
    """No second try, no waiting."""
    code = f"""
import time
from app.server import servers
started = time.monotonic()
try:
    servers.check_addresses({{"--bind": {taken!r}}})
except servers.AddressError:
    print(time.monotonic() - started < 1)
"""
    assert truth.python(code) == "True\n"


@pytest.mark.parametrize("server", ["granian", "waitress"])
def test_a_server_that_is_not_installed_is_named_as_pip_knows_it(
    server: str, env: dict[str, str], tmp_path: Path
) -> None:
    """No error names a package that is on no index."""
    (tmp_path / f"{server}.py").write_text(
        f"raise ModuleNotFoundError('No module named {server}', name='{server}')"
    )
    env = {**env, "PYTHONPATH": f"{tmp_path}:{env['PYTHONPATH']}"}

    line = _refused([*_SERVE, "--server", server], env, tmp_path)

    assert line.startswith(f"chargecloud: --server {server} needs a package")
    assert line.endswith(f"pip install {server}")


def test_waitress_has_one_process(env: dict[str, str], tmp_path: Path) -> None:
    """More workers are a wrong use, and said to be."""
    command = [*_SERVE, "--server", "waitress", "--workers", "2"]
    command += ["--bind", f"127.0.0.1:{truth.free_port()}"]

    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, timeout=30)

    assert done.returncode == 2
    assert done.stderr == (
        b"chargecloud: --server waitress is one process: it takes --workers 1 only\n"
    )


def test_the_help_shows_the_defaults(env: dict[str, str], tmp_path: Path) -> None:
    """Of the address, the server, workers and threads."""
    command = [*_SERVE, "--help"]
    said = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True).stdout
    said = " ".join(said.split())

    for default in ("127.0.0.1:8000", "gunicorn", "(one per core", "(4; granian 8)"):
        assert f"[default: {default}" in said


def _import_lines(command: list[str], env: dict[str, str], cwd: Path) -> int:
    """Return how many modules a start imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command[1:], "--help"],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = done.stderr.splitlines()
    return len(lines) - next(i for i, line in enumerate(lines) if line.endswith(_MARK))


@pytest.mark.parametrize("server", _SERVERS)
def test_ctrl_c_while_it_starts_leaves_no_traceback(
    server: str, env: dict[str, str], tmp_path: Path
) -> None:
    """At many moments: after every so many imports, and until it listens."""
    command = [*_SERVE, "--server", server, "--bind", f"127.0.0.1:{truth.free_port()}"]
    total = _import_lines(command, env, tmp_path)
    said = []
    for after in range(1, total + 120, (total + 120) // 6):
        process = subprocess.Popen(
            [sys.executable, "-X", "importtime", *command[1:]],
            env=env,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        seen = -1
        for line in process.stdout:
            seen += seen >= 0 or line.rstrip().endswith(_MARK)
            if seen >= after or "chargecloud serves" in line:
                break
        process.send_signal(signal.SIGINT)
        try:
            rest, _ = process.communicate(timeout=20)
        finally:
            process.kill()
        said.append(rest)
        assert process.returncode in (0, 130, -signal.SIGINT)

    assert [text for text in said if "Traceback" in text or "Exception ignored" in text] == []


_INTERRUPTED = """
import os, signal, sys, weakref
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            value = set()
            self.kept = weakref.ref(value, lambda _: os.kill(os.getpid(), signal.SIGINT))
            del value
sys.meta_path.insert(0, Finder())
from app.__main__ import main
main(["serve", "--server", sys.argv[2], "--bind", "127.0.0.1:0"])
"""


@pytest.mark.parametrize("server", _SERVERS)
@pytest.mark.parametrize("module", ["app.factory", "app.server.commands", "app.server.servers", ""])
def test_ctrl_c_in_a_callback_of_an_import_is_not_lost(
    module: str, server: str, env: dict[str, str], tmp_path: Path
) -> None:
    """Python itself would print "Exception ignored", and serve."""
    command = [sys.executable, "-c", _INTERRUPTED, module or f"app.server.{server}_server", server]

    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, timeout=30)

    assert done.returncode == -signal.SIGINT
    assert (done.stdout, done.stderr) == (b"", b"")


def test_a_second_ctrl_c_leaves_no_traceback(env: dict[str, str], tmp_path: Path) -> None:
    """Impatience is no failure."""
    port = truth.free_port()
    with truth.running([*_SERVE, "--bind", f"127.0.0.1:{port}"], port, env, tmp_path) as server:
        for _ in range(3):
            server.send_signal(signal.SIGINT)
            time.sleep(0.02)
        server.wait(30)

        assert "Traceback" not in server.output()
