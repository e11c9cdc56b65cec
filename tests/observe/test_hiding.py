"""No line has the user's id, whatever reaches which server how."""

import io
import logging
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.host.application import WebApi
from app.observe.hiding import WithoutClientsText, without_values
from app.observe.logs import JsonLines
from tests import truth

_USER = "987654321"
_LINE = "GET /ChargeProcess/Status?user_id={} HTTP/1.1"
_HEADERS = "Host: a\r\nConnection: close\r\n"
_REQUESTS = {
    "as it should be": f"GET /ChargeProcess/Status?user_id={_USER} HTTP/1.1\r\n{_HEADERS}",
    "a blank before the value": f"GET /a?user_id= {_USER} HTTP/1.1\r\n{_HEADERS}",
    "a blank in the path": f"GET /a b/user_id={_USER} HTTP/1.1\r\n{_HEADERS}",
    "a blank and no query": f"GET /a {_USER}\r\n{_HEADERS}",
    "a tab": f"GET /a?user_id=\t{_USER} HTTP/1.1\r\n{_HEADERS}",
    "a quote": f"GET /a?x='{_USER} y HTTP/1.1\r\n{_HEADERS}",
    "two quotes": f"GET /a?x='y'{_USER}\"z\" {_USER} HTTP/1.1\r\n{_HEADERS}",
    "an escaped question mark": f"GET /a%3Fuser_id={_USER} b HTTP/1.1\r\n{_HEADERS}",
    "no question mark": f"GET /a/{_USER} b HTTP/1.1\r\n{_HEADERS}",
    "the target as the method": f"/a?user_id={_USER} GET HTTP/1.1\r\n{_HEADERS}",
    "the target as the version": f"GET / /a?user_id={_USER}\r\n{_HEADERS}",
    "a version of its own": f"GET /a?user_id={_USER} HTTP/{_USER}\r\n{_HEADERS}",
    "a raw byte": f"GET /a?user_id=\xff{_USER} HTTP/1.1\r\n{_HEADERS}",
    "NUL": f"GET /a?user_id=\0{_USER} HTTP/1.1\r\n{_HEADERS}",
    "a bare line feed": f"GET /a?user_id=\n{_USER} HTTP/1.1\r\n{_HEADERS}",
    "a bare carriage return": f"GET /a?user_id=\r{_USER} HTTP/1.1\r\n{_HEADERS}",
    "absolute": f"GET http://a/a?user_id={_USER} b HTTP/1.1\r\n{_HEADERS}",
    "too long": f"GET /a?user_id={_USER}{'a' * 70_000} HTTP/1.1\r\n{_HEADERS}",
    "a broken header": f"GET / HTTP/1.1\r\n{_HEADERS}Referer /a?user_id={_USER}\r\n",
    "a broken header's name": f"GET / HTTP/1.1\r\n{_HEADERS}user {_USER}: 1\r\n",
    "a folded header": f"GET / HTTP/1.1\r\n{_HEADERS}A: b\r\n user_id={_USER}\r\n",
    "a coding": f"POST / HTTP/1.1\r\n{_HEADERS}Transfer-Encoding: {_USER}\r\n",
    "a length": f"POST / HTTP/1.1\r\n{_HEADERS}Content-Length: {_USER}x\r\n",
    "an expectation": f"POST / HTTP/1.1\r\n{_HEADERS}Expect: {_USER}\r\n",
    "a proxy's line": f"PROXY TCP4 {_USER} 1.1.1.1 1 2\r\nGET / HTTP/1.1\r\n{_HEADERS}",
    "a chunk's size": (
        f"POST / HTTP/1.1\r\n{_HEADERS}Transfer-Encoding: chunked\r\n\r\n{_USER}x\r\n"
    ),
    "no HTTP": f"user_id={_USER}\r\n",
}
_CHARGECLOUD = [sys.executable, "-m", "app", "serve", "--bind", "127.0.0.1:{port}"]
_SERVERS = {
    "gunicorn": [*_CHARGECLOUD, "--workers", "1"],
    "granian": [*_CHARGECLOUD, "--workers", "1", "--server", "granian"],
    "waitress": [*_CHARGECLOUD, "--server", "waitress"],
    "bare gunicorn": [sys.executable, "-m", "gunicorn", "-b", "127.0.0.1:{port}", "wsgi:app"],
    "flask": [sys.executable, "-m", "flask", "--app", "wsgi", "run", "--port", "{port}"],
}


def _send(port: int, request: str) -> None:
    """Send a request, whatever becomes of it, and wait for the end of the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        try:
            connection.sendall(request.encode("latin-1") + b"\r\n")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        except OSError:
            pass


@pytest.mark.parametrize(
    ("name", "kind"), [*zip(_SERVERS, ["json", "json", "text", "json", "text"], strict=True)]
)
def test_no_server_logs_whose_status_was_asked(
    name: str, kind: str, database_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """Whichever part of a request it is in, and whether the request is taken or refused."""
    port = truth.free_port()
    command = [part.format(port=port) for part in _SERVERS[name]]
    env = {**clean_env, "CHARGECLOUD_LOG_FORMAT": kind, "PYTHONUNBUFFERED": "1"}
    env["CHARGECLOUD_DATABASE_URL"] = database_url
    with truth.running(command, port, env, tmp_path) as server:
        for request in _REQUESTS.values():
            _send(port, request)
        client = truth.Client(port)
        answer = client.ask("GET", "/healthz", [("Host", "a"), ("Connection", "close")])
        client.close()
        truth.until(lambda: server.output().count("/healthz") == 1)
        output = server.output()

    assert answer.status == 200
    assert [line for line in output.splitlines() if _USER in line] == []


def test_with_log_user_id_a_refused_request_is_shown(
    database_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """The switch is for all lines."""
    port = truth.free_port()
    command = [part.format(port=port) for part in _SERVERS["gunicorn"]]
    env = {**clean_env, "CHARGECLOUD_LOG_USER_ID": "on", "CHARGECLOUD_DATABASE_URL": database_url}
    with truth.running(command, port, env, tmp_path) as server:
        _send(port, _REQUESTS["a blank before the value"])
        truth.until(lambda: _USER in server.output())


@pytest.mark.parametrize(
    "failure",
    [
        KeyError(987654321),
        ValueError("no user '987654321' and none \"987654321"),
        ValueError('several lines\n  File "987654321", line 1'),
        UnicodeEncodeError("ascii", "987654321é", 9, 10, "ordinal not in range"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_an_exception_is_logged_without_the_values_in_its_text(
    make_app: Callable[..., WebApi], failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its type, its words and where it was raised are there."""
    app = make_app()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())

    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(app.store, "latest", fail)
    app.logger.addHandler(handler)
    try:
        answer = truth.call(app, f"/ChargeProcess/Status?user_id={_USER}")
    finally:
        app.logger.removeHandler(handler)

    assert answer.status == 500
    assert _USER not in stream.getvalue()
    assert f"{type(failure).__name__}: " in stream.getvalue()
    assert "in fail" in stream.getvalue()


def test_the_cause_of_an_exception_is_hidden_too() -> None:
    """A chain of them has all places and none of the values."""
    try:
        try:
            int(f"x{_USER}")
        except ValueError as error:
            raise RuntimeError(f"no user {_USER}") from error
    except RuntimeError as error:
        text = without_values(error)

    assert _USER not in text
    assert text.count("test_hiding.py") == 2
    assert text.endswith("RuntimeError: no user ...")
    assert "ValueError: invalid literal for int() with base ...: ..." in text


def test_a_line_that_nobody_sent_is_left_alone() -> None:
    """What the service says of itself, with its addresses."""
    record = logging.LogRecord(
        "gunicorn.error",
        logging.INFO,
        "f",
        1,
        "Listening at: %s (%d)",
        ("http://[::1]:8", 7),
        None,
    )

    WithoutClientsText().filter(record)

    assert record.getMessage() == "Listening at: http://[::1]:8 (7)"
