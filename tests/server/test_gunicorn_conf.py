"""gunicorn's settings: what clients see at each limit, and at a stop."""

import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests import truth

_APP = '''
import time

def app(environ, start_response):
    """Answer the path, after the seconds that the query names."""
    time.sleep(float(environ["QUERY_STRING"] or 0))
    body = environ["PATH_INFO"].encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
'''
_GET = b"GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n"


@contextmanager
def _gunicorn(
    tmp_path: Path, env: dict[str, str], *options: str
) -> Iterator[tuple[int, truth.Server]]:
    (tmp_path / "echo_app.py").write_text(_APP)
    port = truth.free_port()
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        "python:app.gunicorn_conf",
        "--workers",
        "1",
    ]
    command += ["--pythonpath", str(tmp_path), "--bind", f"127.0.0.1:{port}", *options]
    with truth.running([*command, "echo_app:app"], port, env, tmp_path) as process:
        yield port, process


def _get(port: int, path: str = "/", extra: bytes = b"") -> bytes:
    client = truth.Client(port)
    try:
        return client.send(_GET % (path.encode(), extra)).body
    finally:
        client.close()


def _read_all(client: socket.socket) -> bytes:
    received = _read_all_of(client)
    client.close()
    return received


def _read_all_of(client: socket.socket) -> bytes:
    client.settimeout(10)
    received = b""
    while chunk := client.recv(4096):
        received += chunk
    return received


def test_pipelined_requests_are_all_answered(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """Requests that arrive in one piece are answered in order."""
    with _gunicorn(tmp_path, clean_env) as (port, _), socket.socket() as client:
        client.connect(("127.0.0.1", port))
        client.sendall(_GET % (b"/first", b"") + _GET % (b"/second", b"Connection: close\r\n"))
        received = _read_all(client)

    assert received.count(b"200 OK") == 2
    assert received.index(b"/first") < received.index(b"/second")


def test_an_idle_connection_is_closed_in_time(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """A kept connection lasts as long as the setting says."""
    with _gunicorn(tmp_path, clean_env, "--keep-alive", "1") as (port, _):
        client = socket.create_connection(("127.0.0.1", port))
        started = time.monotonic()
        client.sendall(_GET % (b"/", b""))
        _read_all(client)

    assert 0.5 < time.monotonic() - started < 6


def test_new_connections_that_send_nothing_hold_a_thread_for_five_seconds(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    """gunicorn waits so long for a first byte; then it watches the connection without a thread."""
    with _gunicorn(tmp_path, clean_env) as (port, _), ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(4)
        ]
        started = time.monotonic()
        first = _get(port, "/first")
        waited = time.monotonic() - started
        second = _get(port, "/second")
        idle[0].sendall(_GET % (b"/late", b"Connection: close\r\n"))
        late = _read_all(idle[0])

    assert (first, second) == (b"/first", b"/second")
    assert late.endswith(b"/late")
    assert 3 < waited < 15


def test_a_client_that_does_not_close_delays_its_worker_by_two_seconds(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    """gunicorn waits so long for the end of a connection that it has ended itself."""
    with (
        _gunicorn(tmp_path, clean_env) as (port, _),
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        client.sendall(_GET % (b"/", b"Connection: close\r\n"))
        assert client.recv(4096)
        started = time.monotonic()

        assert _get(port, "/answered") == b"/answered"
        assert time.monotonic() - started < 8


def test_phones_beyond_the_limit_all_get_answers(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """Where more connections are kept than a worker may have, its answers end them instead."""
    options = ["--worker-connections", "8", "--threads", "2"]
    with _gunicorn(tmp_path, clean_env, *options) as (port, _):
        phones = [truth.Client(port) for _ in range(24)]
        bodies = [phone.send(_GET % (b"/polled", b"")).body for _ in range(5) for phone in phones]
        for phone in phones:
            phone.close()

    assert bodies == [b"/polled"] * 120


@pytest.mark.parametrize("verb", ["get", "Foo!", "A" * 300])
def test_any_token_is_a_verb(verb: str, tmp_path: Path, clean_env: dict[str, str]) -> None:
    """The application answers it, and not gunicorn."""
    with _gunicorn(tmp_path, clean_env) as (port, _):
        client = truth.Client(port)
        answer = client.ask(verb, "/token", [("Host", "a")])
        client.close()

    assert (answer.status, answer.body) == (200, b"/token")


def test_slow_requests_leave_threads_to_others(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """Two slow requests of four threads do not delay a fast one."""
    with _gunicorn(tmp_path, clean_env) as (port, _), ExitStack() as stack:
        for _ in range(2):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(_GET % (b"/?3", b""))
        time.sleep(0.2)
        started = time.monotonic()

        assert _get(port, "/fast") == b"/fast"
        assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_request_in_flight_is_answered_at_the_end(
    tmp_path: Path, clean_env: dict[str, str], number: signal.Signals
) -> None:
    """SIGTERM lets a request finish; SIGINT, gunicorn's quick stop, ends at once."""
    with _gunicorn(tmp_path, clean_env) as (port, process):
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(_GET % (b"/slow?1", b""))
        time.sleep(0.3)
        process.send_signal(number)
        answer = _read_all(client)
        process.communicate(timeout=15)

    if number == signal.SIGTERM:
        assert answer.endswith(b"/slow")
    assert process.returncode == 0


def test_kept_connections_do_not_delay_the_end(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """An idle kept connection is closed some seconds after SIGTERM."""
    with _gunicorn(tmp_path, clean_env) as (port, process):
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(_GET % (b"/", b""))
        assert client.recv(4096)
        started = time.monotonic()
        process.terminate()
        process.communicate(timeout=15)
        client.close()

    assert time.monotonic() - started < 6


def test_a_reload_loses_no_request(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """While SIGHUP replaces the workers, every request is answered."""
    with _gunicorn(tmp_path, clean_env) as (port, process):
        process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 2
        bodies = []
        while time.monotonic() < deadline:
            bodies.append(_get(port, "/answered", b"Connection: close\r\n"))

    assert set(bodies) == {b"/answered"}


def test_no_header_moves_the_application(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """gunicorn would take the two names from any client on this machine."""
    with _gunicorn(tmp_path, clean_env) as (port, _):
        body = _get(port, "/stays", b"SCRIPT_NAME: /stays\r\nPATH_INFO: /moved\r\n")

    assert body == b"/stays"
