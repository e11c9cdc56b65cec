"""The worker, in a real gunicorn."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests import truth
from tests.server.deploy import site

_APP = '''
import time

def app(environ, start_response):
    """Answer the path, after the seconds that the query names."""
    time.sleep(float(environ["QUERY_STRING"] or 0))
    body = environ["PATH_INFO"].encode()
    length = [] if body == b"/pieces" else [("Content-Length", str(len(body)))]
    start_response("200 OK", length)
    if body not in (b"/pieces", b"/broken"):
        return [body]
    return pieces(body)


def pieces(body):
    """Give a body in two pieces; the second of /broken never comes."""
    yield body[:3]
    if body == b"/broken":
        raise RuntimeError("broken")
    yield body[3:]
'''
_HOOKS = '''
from app.server import gunicorn_conf

globals().update(vars(gunicorn_conf))
logger_class = "gunicorn.glogging.Logger"
del logconfig_dict

def pre_request(worker, request):
    """Say that it was called."""
    print("before", flush=True)

def post_request(worker, request, environ, response):
    """Fail."""
    raise RuntimeError("after")
'''
_DATA_SEGMENTS_IN = slice(152, 156)
"""Of the kernel's struct tcp_info."""
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


def test_idle_connections_stop_nobody(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """Twenty connections that send nothing leave all threads to others."""
    with _gunicorn(tmp_path, clean_env) as (port, _), ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        started = time.monotonic()

        body = _get(port, "/answered")

        assert body == b"/answered"
        assert time.monotonic() - started < 2


def test_clients_that_do_not_close_stop_nobody(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """A client may keep its side open after the last answer without holding a thread."""
    with _gunicorn(tmp_path, clean_env) as (port, _), ExitStack() as stack:
        for _ in range(20):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(_GET % (b"/", b"Connection: close\r\n"))
            assert client.recv(4096)
        started = time.monotonic()

        assert _get(port, "/answered") == b"/answered"
        assert time.monotonic() - started < 1


def test_an_idle_connection_is_closed_in_time(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """A kept connection lasts as long as the setting says."""
    with _gunicorn(tmp_path, clean_env, "--keep-alive", "1") as (port, _):
        client = socket.create_connection(("127.0.0.1", port))
        started = time.monotonic()
        client.sendall(_GET % (b"/", b""))
        _read_all(client)

    assert 0.5 < time.monotonic() - started < 6


def test_connections_are_limited(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """A client above the limit waits until another one leaves."""
    with (
        _gunicorn(tmp_path, clean_env, "--worker-connections", "5") as (port, _),
        ExitStack() as stack,
    ):
        kept = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(5)
        ]
        time.sleep(0.3)
        waiting = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        waiting.sendall(_GET % (b"/waited", b""))
        waiting.settimeout(0.5)
        with pytest.raises(TimeoutError):
            waiting.recv(4096)

        kept[0].close()
        waiting.sendall(_GET % (b"/last", b"Connection: close\r\n"))
        answers = _read_all(waiting)

        assert b"/waited" in answers


def test_slow_requests_leave_threads_to_others(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """Two slow requests of three threads do not delay a fast one."""
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


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT", "SIGQUIT"])
def test_a_stop_that_comes_before_a_worker_listens_ends_it(number: str) -> None:
    """It stands in the copy of the arbiter's queue, or comes when the signals are the default."""
    code = f"""
import os, queue, signal, sys, types
from app.server import gunicorn_conf
worker = types.SimpleNamespace(core=min(os.sched_getaffinity(0)))
arrived = queue.SimpleQueue()
if sys.argv[1] == "early":
    arrived.put(signal.SIGCHLD)
    arrived.put(signal.{number})
gunicorn_conf.post_fork(types.SimpleNamespace(SIG_QUEUE=arrived), worker)
os.kill(os.getpid(), signal.{number})
"""
    root = Path(__file__).parent.parent.parent

    ended = [
        subprocess.run([sys.executable, "-c", code, when], cwd=root).returncode
        for when in ("early", "late")
    ]

    assert ended == [0, -getattr(signal, number)]


def test_spare_threads_come_for_stuck_ones_and_go(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    """A dozen slow requests, four times as many as threads, keep nobody waiting."""
    with (
        _gunicorn(tmp_path, clean_env) as (port, process),
        ThreadPoolExecutor(12) as pool,
    ):
        assert _get(port)
        (worker,) = truth.children(process.pid)
        slow = [pool.submit(_get, port, "/slow?2") for _ in range(12)]
        time.sleep(0.8)
        started = time.monotonic()
        quick = _get(port, "/quick")
        seconds = time.monotonic() - started
        most = _threads(worker)
        answers = [future.result() for future in slow]
        truth.until(lambda: _threads(worker) <= 4, 10)

    assert quick == b"/quick"
    assert seconds < 0.5
    assert answers == [b"/slow"] * 12
    assert 12 < most < 40


def _threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def test_no_spare_thread_comes_while_one_is_free(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """Two of three threads that wait leave the third, which a busy core can't do better than."""
    with (
        _gunicorn(tmp_path, clean_env) as (port, process),
        ThreadPoolExecutor(2) as pool,
    ):
        assert _get(port)
        (worker,) = truth.children(process.pid)
        slow = [pool.submit(_get, port, "/slow?1") for _ in range(2)]
        time.sleep(0.6)
        meanwhile = _threads(worker)

        assert [future.result() for future in slow] == [b"/slow"] * 2
    assert meanwhile == 4


def test_an_answer_comes_in_one_packet(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """Head and body travel together, so that a client wakes once."""
    with _gunicorn(tmp_path, clean_env) as (port, _), truth.Client(port).connect() as client:
        client.sendall(_GET % (b"/together", b"Connection: close\r\n"))
        answer = _read_all_of(client)
        known = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)

    assert answer.endswith(b"\r\n\r\n/together")
    assert int.from_bytes(known[_DATA_SEGMENTS_IN], sys.byteorder) == 1


def test_an_answer_without_a_body_waits_for_nothing(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    """Twenty answers to HEAD would take 4 s if the kernel kept each for a body."""
    with _gunicorn(tmp_path, clean_env) as (port, _):
        client = truth.Client(port)
        started = time.monotonic()
        lengths = [
            client.ask("HEAD", "/head", [("Host", "a")]).header("Content-Length") for _ in range(20)
        ]
        seconds = time.monotonic() - started
        client.close()

    assert lengths == ["5"] * 20
    assert seconds < 2


def test_an_answer_of_unknown_length_comes_in_chunks(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    """A body in pieces is sent as HTTP/1.1 says."""
    with _gunicorn(tmp_path, clean_env) as (port, _), truth.Client(port).connect() as client:
        client.sendall(_GET % (b"/pieces", b"Connection: close\r\n"))
        head, _, body = _read_all_of(client).partition(b"\r\n\r\n")

    assert b"\r\nTransfer-Encoding: chunked" in head
    assert body == b"3\r\n/pi\r\n4\r\neces\r\n0\r\n\r\n"


def test_an_answer_that_breaks_off_ends_its_connection(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    """No error page follows what was sent already, and the failure is logged."""
    with (
        _gunicorn(tmp_path, clean_env) as (port, process),
        truth.Client(port).connect() as client,
    ):
        client.sendall(_GET % (b"/broken", b""))
        answer = _read_all_of(client)
        said = process.output()

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"\r\n\r\n/br")
    assert "RuntimeError: broken" in said


def test_gunicorns_hooks_and_access_log_go_on_working(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    """Each request is logged, and a hook that fails after an answer spoils nothing."""
    (tmp_path / "hooks.py").write_text(_HOOKS)
    options = ["-c", f"{tmp_path}/hooks.py", "--access-logfile", "-"]
    with _gunicorn(tmp_path, clean_env, *options) as (port, process):
        client = truth.Client(port)
        bodies = [client.send(_GET % (path, b"")).body for path in (b"/one", b"/two")]
        client.close()
        truth.until(lambda: process.output().count("Exception in post_request hook") == 2)

        assert bodies == [b"/one", b"/two"]
        assert process.output().count("before") == 2
        assert [f"GET {body.decode()} " in process.output() for body in bodies] == [True, True]


def test_each_answer_has_its_own_second(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """The Date is the time of the answer."""
    with _gunicorn(tmp_path, clean_env) as (port, _):
        client = truth.Client(port)
        shown = []
        for _ in range(2):
            date = client.send(_GET % (b"/", b"")).header("Date") or ""
            shown.append(abs(parsedate_to_datetime(date).timestamp() - time.time()))
            time.sleep(1.5)
        client.close()

    assert max(shown) < 1.4


def test_a_worker_is_replaced_after_as_many_requests_as_were_set(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    """The last request says that the connection ends, and another worker takes over."""
    with _gunicorn(tmp_path, clean_env, "--max-requests", "4") as (port, process):
        assert _get(port)
        first = truth.children(process.pid)
        client = truth.Client(port)
        said = [client.send(_GET % (b"/", b"")).header("Connection") for _ in range(3)]
        truth.until(
            lambda: len(truth.children(process.pid)) == 1 and truth.children(process.pid) != first
        )

        assert _get(port, "/again") == b"/again"

    assert said == ["keep-alive", "keep-alive", "close"]


def test_tls_is_served(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """gunicorn's own settings for TLS go on working."""
    site.certificate(tmp_path)
    options = ["--certfile", f"{tmp_path}/cert.pem", "--keyfile", f"{tmp_path}/key.pem"]
    with _gunicorn(tmp_path, clean_env, *options) as (port, _):
        client = site.TlsClient(port)
        answers = [client.send(_GET % (path, b"")).body for path in (b"/one", b"/two")]
        client.close()

    assert answers == [b"/one", b"/two"]


def test_no_header_moves_the_application(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """gunicorn would take the two names from any client on this machine."""
    with _gunicorn(tmp_path, clean_env) as (port, _):
        body = _get(port, "/stays", b"SCRIPT_NAME: /stays\r\nPATH_INFO: /moved\r\n")

    assert body == b"/stays"


_CONVERSATIONS = [
    _GET % (b"/kept", b"") + _GET % (b"/closed", b"Connection: close\r\n"),
    b"GET /old HTTP/1.0\r\n\r\n",
    b"GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /again HTTP/1.0\r\n\r\n",
    b"HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n" + _GET % (b"/next", b""),
    b"GET /pieces HTTP/1.0\r\n\r\n",
    _GET % (b"/pieces", b"") + _GET % (b"/next", b""),
    _GET % (b"/broken", b"") + _GET % (b"/never", b""),
    _GET % (b"/body", b"Content-Length: 3\r\n") + b"abc" + _GET % (b"/next", b""),
    _GET % (b"/body", b"Transfer-Encoding: chunked\r\n") + b"1\r\na\r\n0\r\n\r\n",
    _GET % (b"/body", b"Transfer-Encoding: chunked\r\n") + b"zz\r\n",
    _GET % (b"/waits", b"Content-Length: 1\r\nExpect: 100-continue\r\n") + b"a",
    _GET % (b"/upgrade", b"Upgrade: h2c\r\nConnection: Upgrade\r\n"),
    _GET % (b"/two", b"Host: b\r\n"),
    _GET % (b"/folded", b"X: a\r\n b\r\n"),
    _GET % (b"/space", b"X : a\r\n"),
    _GET % (b"/nul", b"X: \x00\r\n"),
    _GET % (b"/length", b"Content-Length: -1\r\n"),
    _GET % (b"/coding", b"Transfer-Encoding: gzip\r\n"),
    _GET % (b"/" + b"a" * 9000, b""),
    b"GET /version HTTP/3.1\r\nHost: a\r\n\r\n",
    b"GET /\nHost: a\n\n",
    b"nonsense\r\n\r\n",
    b"GET /half HTTP/1.1\r\nHost",
    _GET % (b"/?wrong", b""),
]


def test_every_conversation_is_gthreads(tmp_path: Path, clean_env: dict[str, str]) -> None:
    """Whatever a client sends, it gets the bytes that gunicorn's own worker sends."""
    said = []
    for worker in ("app.server.worker.EpollWorker", "gthread"):
        with _gunicorn(tmp_path, clean_env, "--worker-class", worker) as (port, _):
            said.append([_converse(port, sent) for sent in _CONVERSATIONS])

    assert said[0] == said[1]
    assert len(set(said[0])) > len(_CONVERSATIONS) / 2


def _converse(port: int, sent: bytes) -> bytes:
    """Send all and no more, and return what comes back, without its date."""
    with truth.Client(port).connect() as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        return re.sub(rb"\r\nDate: [^\r]*", b"", _read_all_of(client))
