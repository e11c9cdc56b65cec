"""What gunicorn and the application do where IIS would answer by itself: README of app/webapi."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import webapi
from tests import truth

_README = (Path(webapi.__file__).parent / "README.md").read_text(encoding="utf-8")
_STATUS = "/ChargeProcess/Status?user_id=1"
_HOST = "Host: h\r\n"
_TYPE = "Content-Type: text/xml\r\n"

_NO_ROUTE = '{"Message":"No HTTP resource was found'
_PAGE = "<html>"
_VALUE = '{"process_id":1,'

# How README's row begins, the request line, the headers, and the answer's status and first bytes.
_ROWS = [
    ("a path that matches no route", "GET /Nope", _HOST, 404, _NO_ROUTE),
    ("`< > * % & : \\ ?` in a path", "GET /ChargeProcess/a<b>c*%25&:", _HOST, 404, _NO_ROUTE),
    ("`< > * % & : \\ ?` in a path", "GET /x/%3C%3E%2A%26%3A%5C%3F", _HOST, 404, _NO_ROUTE),
    ("`< > * % & : \\ ?` in a path", "GET /ChargeProcess\\Status?user_id=1", _HOST, 200, _VALUE),
    ("a path of more than 260", f"GET /{'a' * 260}", _HOST, 404, _NO_ROUTE),
    ("a path of more than 260", f"GET {_STATUS}&{'a' * 2048}", _HOST, 200, _VALUE),
    ("a request line of more than 8,190", f"GET {_STATUS}&{'a' * 8190}", _HOST, 414, _PAGE),
    ("a head of more than", f"GET {_STATUS}", f"{_HOST}Cookie: {'a' * 17_408}\r\n", 431, _PAGE),
    ("two `Content-Type` lines", f"GET {_STATUS}", _HOST + _TYPE + _TYPE, 400, _PAGE),
    ("two `Host` lines", f"GET {_STATUS}", _HOST * 2, 400, _PAGE),
    ("HTTP/1.1 without `Host`", "GET /x", "", 404, _NO_ROUTE),
    ("a host that System.Uri refuses", "GET /x", "Host: A..b\r\n", 404, _NO_ROUTE),
    ("control characters in a header", f"GET {_STATUS}", f"{_HOST}X: a\x01b\r\n", 400, _PAGE),
    ("control characters in a header", "GET /a\x01", _HOST, 400, _PAGE),
    ("a header folded", f"GET {_STATUS}", f"{_HOST}X: a\r\n b\r\n", 400, _PAGE),
    ("bytes beyond ASCII", "GET /\xe9", _HOST, 400, _PAGE),
    ("`OPTIONS *`", "OPTIONS *", _HOST, 404, _NO_ROUTE),
    ("a header name with", f"GET {_STATUS}", f"{_HOST}ACCEPT_CHARSET: utf-16\r\n", 200, _VALUE),
    ("a method in lower case", f"get {_STATUS}", _HOST, 200, _VALUE),
]


@pytest.fixture(scope="module")
def port(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Serve the recorded processes over gunicorn."""
    port = truth.free_port()
    command = [sys.executable, "-m", "app", "serve", "--workers=1", f"--bind=127.0.0.1:{port}"]
    root = str(Path(__file__).parent.parent.parent)
    env = {**os.environ, "CHARGECLOUD_DATABASE_URL": database_url, "PYTHONPATH": root}
    with truth.running(command, port, env, tmp_path_factory.mktemp("differences")):
        yield port


@pytest.mark.parametrize(("row", "line", "headers", "status", "start"), _ROWS)
def test_a_row_is_so(port: int, row: str, line: str, headers: str, status: int, start: str) -> None:
    """README has the row, and gunicorn answers as it says."""
    client = truth.Client(port)

    answer = client.send(f"{line} HTTP/1.1\r\n{headers}\r\n".encode("latin-1"))
    client.close()

    assert f"\n| {row}" in _README
    assert answer.status == status
    assert answer.body.decode("latin-1").startswith(start)
