"""Every signal of gunicorn's table, as app/server/README.md has it, and workers that start."""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests import truth

_STARTING = """
import os, signal, sys
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
first = []
def stop_the_first_worker():
    if not first:
        first.extend(open(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read().split())
        os.kill(int(first[0]), signal.SIGTERM)
        print("the first worker is", *first, flush=True)
os.register_at_fork(after_in_parent=stop_the_first_worker)
from app.__main__ import main
main(["serve", "--workers", "1", "--server", sys.argv[1], "--bind", sys.argv[2]])
"""
_FORKING = """
import os, signal, sys
from app.server.signals import let_a_stop_end_new_workers
number = signal.Signals[sys.argv[1]]
signal.signal(number, lambda *_: print("the parent's handler", flush=True))
os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), number))
let_a_stop_end_new_workers(blocked={signal.Signals[name] for name in sys.argv[2:]})
if child := os.fork():
    os.kill(os.getpid(), number)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
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


@pytest.mark.parametrize("server", ["gunicorn", "granian"])
def test_a_stop_of_a_worker_that_starts_is_not_lost(
    server: str, database_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """It reaches the worker before its first instruction; another worker takes its place."""
    port = truth.free_port()
    command = [sys.executable, "-c", _STARTING, server, f"127.0.0.1:{port}"]
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
    with truth.running(command, port, env, tmp_path) as running:
        truth.until(lambda: _answers(port))
        (first,) = re.findall("the first worker is (.*)", running.output())

        truth.until(lambda: int(first) not in truth.children(running.pid), 20)
        truth.until(lambda: _answers(port))


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGQUIT"])
def test_a_child_without_handlers_ends_at_a_stop(name: str) -> None:
    """Its parent's handler, which stays the parent's, does not receive it."""
    assert truth.python(_FORKING, name).splitlines() == [
        "the parent's handler",
        str(-signal.Signals[name]),
    ]


def test_a_child_never_receives_what_is_left_to_its_parent() -> None:
    """It goes on to its end."""
    assert truth.python(_FORKING, "SIGINT", "SIGINT").splitlines() == ["the parent's handler", "0"]
