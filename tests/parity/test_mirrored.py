"""Runs on live traffic, as a user runs them beside a proxy that mirrors."""

import http.client
import json
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import pytest

from app.host.application import WebApi
from app.parity.recording import read
from tests import truth
from tests.parity.hostile import sends, talking, whole
from tests.parity.mutants import MUTANTS
from tests.parity.services import Changed, serving

_COMMAND = [sys.executable, "-m", "app"]
_STATUS = "/mirrored/ChargeProcess/Status?user_id="
_SECRET = "s3cret-of-a-phone"


@pytest.fixture
def url(make_app: Callable[..., WebApi]) -> Iterator[str]:
    """The service."""
    with serving(make_app(log_requests=False)) as found:
        yield found


@contextmanager
def _listening(
    env: dict[str, str], folder: Path, *arguments: str
) -> Iterator[tuple[truth.Server, int]]:
    port = truth.free_port()
    command = [*_COMMAND, *arguments, "--listen", f"127.0.0.1:{port}"]
    with truth.running(command, port, env, folder) as server:
        yield server, port


def _mirror(port: int, users: range, accept: str = "application/json") -> None:
    """Send as the proxy does, over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Host": "legacy.example", "Accept": accept, "Authorization": f"Bearer {_SECRET}"}
    for user in users:
        connection.request("GET", f"{_STATUS}{user}", headers=headers)
        assert connection.getresponse().read() == b""
    connection.close()


def _page(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path)
    try:
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def _same(port: int, count: int) -> bool:
    return f'answers_total{{kind="same"}} {count}\n' in _page(port, "/metrics")


def test_an_identical_service_is_same_when_the_run_is_stopped(
    clean_env: dict[str, str], tmp_path: Path, url: str
) -> None:
    """SIGTERM is the usual end; the page and the counts are there before it."""
    arguments = ["compare", url, url, "--json", "report.json"]
    with _listening(clean_env, tmp_path, *arguments) as (command, port):
        _mirror(port, range(1000, 1020))
        _mirror(port, range(1000, 1020), "text/xml")
        truth.until(lambda: _same(port, 40))
        page = _page(port, "/")
        command.send_signal(signal.SIGTERM)
        code = command.wait(30)
        output = command.output()

    assert code == 0, output
    assert "40 compared, 40 same, 0 different" in output
    assert page.lower().startswith("<!doctype html>")
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["findings"] == []


def test_a_difference_in_live_traffic_is_found_and_no_secret_is_written(
    clean_env: dict[str, str], tmp_path: Path, url: str, make_app: Callable[..., WebApi]
) -> None:
    """The run ends by itself after --limit; the token is in no report."""
    changed = Changed(make_app(log_requests=False), MUTANTS["11 for 11.0"][0])
    with serving(changed) as new:
        reports = ["--json", "report.json", "--html", "report.html", "--junit", "report.xml"]
        arguments = ["compare", url, new, "--limit", "20", *reports]
        with _listening(clean_env, tmp_path, *arguments) as (command, port):
            _mirror(port, range(1, 3))
            _mirror(port, range(1000, 1018))
            code = command.wait(60)
            output = command.output()

    assert code == 1, output
    assert "number" in output
    written = "".join(path.read_text(encoding="utf-8") for path in tmp_path.glob("report.*"))
    assert _SECRET not in written + output


def test_secrets_reach_both_services(
    clean_env: dict[str, str], tmp_path: Path, make_app: Callable[..., WebApi]
) -> None:
    """Each is sent with the client's own token."""
    tokens: list[str] = []
    app = make_app(log_requests=False)

    def seen(environ: dict[str, str], start_response: object) -> object:
        tokens.append(environ.get("HTTP_AUTHORIZATION", ""))
        return app(environ, start_response)  # type: ignore[arg-type]

    with serving(seen) as url:  # type: ignore[arg-type]
        arguments = ["compare", url, url, "--limit", "3"]
        with _listening(clean_env, tmp_path, *arguments) as (command, port):
            _mirror(port, range(1000, 1003))
            command.wait(60)

    assert len(tokens) >= 9
    assert set(tokens) == {f"Bearer {_SECRET}"}


def test_live_traffic_becomes_recordings(
    clean_env: dict[str, str], tmp_path: Path, url: str
) -> None:
    """Each request once, without its token."""
    with _listening(clean_env, tmp_path, "record", url) as (command, port):
        _mirror(port, range(1000, 1010))
        _mirror(port, range(1000, 1010))
        file = tmp_path / "recordings.jsonl"
        truth.until(lambda: file.exists() and file.read_bytes().count(b"\n") == 10)
        command.send_signal(signal.SIGINT)
        code = command.wait(30)
        output = command.output()

    assert code == 0, output
    assert "10 recorded (10 x 200)" in output
    assert len(list(read(file))) == 10
    assert _SECRET not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "code"), [(["--concurrency", "4"], 1), (["--rate", "0.05"], 0)]
)
def test_a_stop_waits_for_no_service_and_no_pause(
    clean_env: dict[str, str], tmp_path: Path, url: str, options: list[str], code: int
) -> None:
    """What was answered is judged, and what was cut off or not sent yet is counted."""
    with talking(sends(b"")) if code else nullcontext(url) as new:
        arguments = ["compare", url, new, "--timeout", "60", "--json", "report.json", *options]
        with _listening(clean_env, tmp_path, *arguments) as (command, port):
            _mirror(port, range(1000, 1008))
            truth.until(lambda: "answers" in _page(port, "/metrics"))
            time.sleep(0.5)
            started = time.monotonic()
            command.send_signal(signal.SIGTERM)
            assert command.wait(30) == code
            seconds = time.monotonic() - started
            output = command.output()

    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert seconds < 10
    assert report["skipped"] == {"dropped: the run ended": 8 - report["compared"]}
    assert report["compared"] == (0 if code else 1)
    assert "not answered" not in output


def test_a_recording_that_is_stopped_is_complete(clean_env: dict[str, str], tmp_path: Path) -> None:
    """What a service did not answer yet is counted, and is no failure."""

    def talk(client: socket.socket) -> None:
        if not answered.is_set():
            answered.set()
            client.sendall(whole(b"{}"))

    answered = threading.Event()
    with (
        talking(talk) as url,
        _listening(clean_env, tmp_path, "record", url, "--timeout", "60") as (command, port),
    ):
        _mirror(port, range(1000, 1004))
        truth.until(lambda: "answers_total" in _page(port, "/metrics"))
        command.send_signal(signal.SIGTERM)
        code = command.wait(30)
        output = command.output()

    assert code == 0, output
    assert "skipped: 3 dropped: the run ended" in output


@pytest.mark.skipif(sys.platform == "win32", reason="no shell there ignores Ctrl-C for a command")
def test_what_a_shell_ignores_stays_ignored(
    clean_env: dict[str, str], tmp_path: Path, url: str
) -> None:
    """In a script, `command &` is not for Ctrl-C."""
    with ExitStack() as stack:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            command, port = stack.enter_context(
                _listening(clean_env, tmp_path, "compare", url, url)
            )
        finally:
            signal.signal(signal.SIGINT, before)
        command.send_signal(signal.SIGINT)
        _mirror(port, range(1000, 1003))

        truth.until(lambda: _same(port, 3))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--listen", "nowhere"], "must be HOST:PORT or [IPv6]:PORT, not 'nowhere'"),
        (["--listen", "::1:9000"], "must be HOST:PORT or [IPv6]:PORT, not '::1:9000'"),
        (["--listen", "[2001:db8::1]:9000"], "--listen [2001:db8::1]:9000: "),
        (["--listen", "127.0.0.1:1", "--users", "1"], "--listen sends what is mirrored"),
        (["--listen", "192.0.2.1:9000"], "--listen 192.0.2.1:9000: "),
        (["--listen", "127.0.0.1:9000", "--sample", "0"], "--sample"),
    ],
)
def test_a_wrong_address_is_refused_in_one_line(
    clean_env: dict[str, str], tmp_path: Path, arguments: list[str], said: str
) -> None:
    """With exit code 2."""
    command = [*_COMMAND, "compare", "http://127.0.0.1:9", "http://127.0.0.1:9", *arguments]
    server = truth.Server(command, clean_env, tmp_path)
    code = server.wait(30)
    output = server.output()
    server.stop()

    assert code == 2
    assert said in output
    assert output.count("\n") == 1
