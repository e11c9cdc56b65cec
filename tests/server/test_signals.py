"""Every signal of gunicorn's table, as app/server/README.md has it."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests import truth

Service = tuple[int, truth.Server]
_STATUS = "/ChargeProcess/Status?user_id=1"


@pytest.fixture
def service(database_url: str, clean_env: dict[str, str], tmp_path: Path) -> Iterator[Service]:
    """gunicorn with one worker, as serve starts it."""
    port = truth.free_port()
    command = [sys.executable, "-m", "app", "serve", "--workers", "1"]
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
    command += ["--bind", f"127.0.0.1:{port}"]
    with truth.running(command, port, env, tmp_path) as server:
        assert _answers(port)
        yield port, server


def _answers(port: int) -> bool:
    client = truth.Client(port)
    with suppress(OSError, IndexError):
        return client.ask("GET", _STATUS, [("Host", "a"), ("Connection", "close")]).status == 200
    return False


@pytest.mark.parametrize("name", ["TERM", "INT", "QUIT"])
def test_a_stop_ends_it(service: Service, name: str) -> None:
    """TERM lets requests end, INT and QUIT don't; none is a failure."""
    port, server = service
    server.send_signal(getattr(signal, f"SIG{name}"))

    assert server.wait(20) == 0
    assert not _answers(port)
    assert "Traceback" not in server.output()


@pytest.mark.parametrize(
    ("name", "workers"), [("HUP", 1), ("TTIN", 2), ("TTOU", 1), ("USR1", 1), ("WINCH", 1)]
)
def test_a_signal_leaves_it_answering(service: Service, name: str, workers: int) -> None:
    """HUP renews the workers, TTIN adds one, TTOU takes one of more away, the rest does nothing."""
    port, server = service
    before = truth.children(server.pid)
    server.send_signal(getattr(signal, f"SIG{name}"))
    if name == "HUP":
        truth.until(lambda: not set(before) & set(truth.children(server.pid)))
    truth.until(lambda: len(truth.children(server.pid)) == workers)

    assert server.poll() is None
    assert _answers(port)


def test_ttou_takes_a_worker_away(service: Service) -> None:
    """Down to one."""
    _, server = service
    server.send_signal(signal.SIGTTIN)
    truth.until(lambda: len(truth.children(server.pid)) == 2)
    server.send_signal(signal.SIGTTOU)

    truth.until(lambda: len(truth.children(server.pid)) == 1)


def test_usr2_starts_the_same_command_beside_it(service: Service) -> None:
    """With the same arguments and sockets; the old one may then be told to stop."""
    port, server = service
    workers = set(truth.children(server.pid))
    server.send_signal(signal.SIGUSR2)
    found: list[int] = []

    def upgraded() -> bool:
        found[:] = set(truth.children(server.pid)) - workers
        return bool(found) and bool(truth.children(found[0]))

    truth.until(upgraded, 40)
    (new,) = found
    try:
        command = Path(f"/proc/{new}/cmdline").read_bytes().split(b"\0")
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0

        assert b"--bind" in command
        assert f"127.0.0.1:{port}".encode() in command
        truth.until(lambda: _answers(port))
    finally:
        os.kill(new, signal.SIGTERM)
        truth.until(_gone(new))


def _gone(pid: int) -> Callable[[], bool]:
    """Return whether a process has ended, or is a zombie that nobody waits for."""

    def gone() -> bool:
        status = Path(f"/proc/{pid}/status")
        return not status.exists() or "State:\tZ" in status.read_text()

    return gone
