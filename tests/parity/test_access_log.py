"""Requests out of logs."""

import json
from pathlib import Path

import pytest

from app.parity.access_log import AccessLog, LogError
from app.parity.recording import Request
from app.webapi.routing import HttpActionDescriptor

_ACTION = HttpActionDescriptor("ChargeProcess", "Status", "user_id", "", "")


def _log(tmp_path: Path, text: str) -> AccessLog:
    path = tmp_path / "access.log"
    path.write_text(text, encoding="utf-8")
    return AccessLog(path, _ACTION)


def test_an_iis_log(tmp_path: Path) -> None:
    """Fields are found by name, headers with it; a new header line may change them."""
    log = _log(
        tmp_path,
        "#Software: Microsoft Internet Information Services 8.5\r\n"
        "#Fields: date time cs-method cs-uri-stem cs-uri-query cs(User-Agent) sc-status\r\n"
        "2026-11-01 10:00:00 GET /ChargeProcess/Status user_id=7 okhttp/3.1 200\r\n"
        "2026-11-01 10:00:00 GET /ChargeProcess/Status user_id=7 okhttp/3.1 200\r\n"
        "2026-11-01 10:00:00 POST /ChargeProcess/Status user_id=7 okhttp/3.1 405\r\n"
        "2026-11-01 10:00:00 GET /favicon.ico - Mozilla 404\r\n"
        "2026-11-01 10:00:00 GET\r\n"
        "#Fields: cs-method cs-uri-stem cs-uri-query cs(Accept)\r\n"
        "GET /api/chargeprocess/STATUS USER_ID=8 text/xml,+*/*;q=0.1\r\n"
        "GET /ChargeProcess/Status - -\r\n",
    )

    assert list(log) == [
        ("iis", Request("GET", "/ChargeProcess/Status?user_id=7")),
        (
            "iis",
            Request("GET", "/chargeprocess/STATUS?USER_ID=8", (("Accept", "text/xml, */*;q=0.1"),)),
        ),
        ("iis", Request("GET", "/ChargeProcess/Status")),
    ]
    assert log.others == {
        "asked before": 1,
        "another method": 1,
        "another address": 1,
        "unreadable": 1,
    }


def test_a_combined_log(tmp_path: Path) -> None:
    """The request line is taken; what is no line is counted."""
    log = _log(
        tmp_path,
        '192.0.2.1 - - [01/Nov/2026:10:00:00 +0000] "GET /ChargeProcess/Status?user_id=7 HTTP/1.1" '
        '200 700 "-" "okhttp"\n'
        '192.0.2.1 - - [01/Nov/2026:10:00:00 +0000] "GET /Help HTTP/1.1" 200 700 "-" "okhttp"\n'
        '192.0.2.1 - - [01/Nov/2026:10:00:00 +0000] "\\x16\\x03" 400 0 "-" "-"\n',
    )

    assert list(log) == [("combined", Request("GET", "/ChargeProcess/Status?user_id=7"))]
    assert log.others == {"another address": 1, "unreadable": 1}


def test_a_har_file(tmp_path: Path) -> None:
    """Only headers that choose an answer are taken, never a token or a cookie."""
    headers = [
        {"name": "accept", "value": "text/xml"},
        {"name": "Cookie", "value": "secret"},
        {"name": "Authorization", "value": "Bearer secret"},
    ]
    url = "https://legacy.example/ChargeProcess/Status?user_id=7"
    request = {"method": "GET", "url": url, "headers": headers}
    log = _log(tmp_path, json.dumps({"log": {"entries": [{"request": request}]}}))

    assert list(log) == [
        ("har", Request("GET", "/ChargeProcess/Status?user_id=7", (("Accept", "text/xml"),)))
    ]


def test_what_no_request_line_can_hold_is_escaped(tmp_path: Path) -> None:
    """IIS writes a path as it decoded it."""
    log = _log(
        tmp_path,
        "#Fields: cs-method cs-uri-stem cs-uri-query\nGET /ChargeProcess/Status user_id=\u0663\n",
    )

    assert [request.target for _, request in log] == ["/ChargeProcess/Status?user_id=%D9%A3"]


@pytest.mark.parametrize(
    "text", ["what is this\n", '{"log": {}}', '{"log": {"entries": [1]}}', "{"]
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    """In one line that names it."""
    with pytest.raises(LogError, match=r"access\.log"):
        list(_log(tmp_path, text))
