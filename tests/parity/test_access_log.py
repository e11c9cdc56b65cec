"""Requests out of logs, as teams have them."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.parity.access_log import AccessLog, access_logs
from app.parity.log_formats import Names
from app.parity.log_text import LogError
from app.parity.recording import Headers, Request
from app.webapi.routing import HttpActionDescriptor
from tests.parity.conftest import Kit
from tests.parity.hostile import sends, talking, whole

_ACTION = HttpActionDescriptor("ChargeProcess", "Status", "user_id", "", "")
_TARGET = "/ChargeProcess/Status?user_id=7"
_FIELDS = "#Fields: cs-method cs-uri-stem cs-uri-query\n"
_LINE = "GET /ChargeProcess/Status user_id={}\n"


def _log(tmp_path: Path, text: str | bytes, names: Names | None = None) -> AccessLog:
    path = tmp_path / "access.log"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return AccessLog(path, _ACTION, names or Names())


def _in_both(target: str, *headers: tuple[str, str]) -> list[Request]:
    return [
        Request("GET", target, (("Accept", accept), *headers))
        for accept in ("application/json", "application/xml")
    ]


def _asked(log: AccessLog) -> list[Request]:
    return [request for _, request in log]


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
        *(("iis", request) for request in _in_both(_TARGET)),
        (
            "iis",
            Request("GET", "/chargeprocess/STATUS?USER_ID=8", (("Accept", "text/xml, */*;q=0.1"),)),
        ),
        ("iis", Request("GET", "/ChargeProcess/Status")),
    ]
    assert log.in_both == 1
    assert log.others == {
        "a repeated request": 1,
        "another method": 1,
        "another address": 1,
        "unreadable": 1,
    }


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("application/xhtml+xml", "application/xhtml+xml"),
        (
            "text/html,application/xhtml+xml,+application/xml;+q=0.9,+*/*;q=0.8",
            "text/html,application/xhtml+xml, application/xml; q=0.9, */*;q=0.8",
        ),
        ("+text/xml++,text/json+;q+=+0.5+", " text/xml  ,text/json ;q = 0.5 "),
    ],
)
def test_a_plus_sign_is_a_blank_where_one_can_stand(
    tmp_path: Path, written: str, sent: str
) -> None:
    """IIS writes both as a plus sign."""
    log = _log(
        tmp_path,
        f"#Fields: cs-method cs-uri-stem cs(Accept)\nGET /ChargeProcess/Status {written}\n",
    )

    assert [request.header("Accept") for request in _asked(log)] == [sent]


def test_a_combined_log(tmp_path: Path) -> None:
    """The request line is taken; what is no line is counted."""
    log = _log(
        tmp_path,
        '192.0.2.1 - - [01/Nov/2026:10:00:00 +0000] "GET /ChargeProcess/Status?user_id=7 HTTP/1.1" '
        '200 700 "-" "okhttp"\n'
        '192.0.2.1 - - [01/Nov/2026:10:00:00 +0000] "GET /Help HTTP/1.1" 200 700 "-" "okhttp"\n'
        '192.0.2.1 - - [01/Nov/2026:10:00:00 +0000] "GET http://[ HTTP/1.1" 400 0 "-" "-"\n'
        '192.0.2.1 - - [01/Nov/2026:10:00:00 +0000] "\\x16\\x03" 400 0 "-" "-"\n',
    )

    assert list(log) == [("combined", request) for request in _in_both(_TARGET)]
    assert log.others == {"another address": 1, "unreadable": 2}


@pytest.mark.parametrize("request_line", ["-", "", "\\x16\\x03\\x01", 'GET /a \\"b\\" HTTP/1.1'])
def test_a_log_may_begin_with_no_request(tmp_path: Path, request_line: str) -> None:
    """A client that timed out, or that speaks TLS to a port without it."""
    start = "192.0.2.1 - - [01/Nov/2026:10:00:00 +0000]"
    log = _log(
        tmp_path,
        f'{start} "{request_line}" 408 -\n'
        f'{start} "GET /ChargeProcess/Status?user_id=7 HTTP/1.1" 200 700\n',
    )

    assert _asked(log) == _in_both(_TARGET)
    assert log.others == {"unreadable": 1}


def test_the_path_before_the_action_may_hold_any_letter(tmp_path: Path) -> None:
    """The small form of one is longer than itself."""
    log = _log(tmp_path, "https://a.example/\u0130p/chargeprocess/Status?user_id=7\n")

    assert _asked(log) == _in_both("/chargeprocess/Status?user_id=7")


@pytest.mark.parametrize("field", ["Accept", "cs(Accept)", "cs(accept)"])
def test_a_custom_field_of_iis_holds_accept(tmp_path: Path, field: str) -> None:
    """Under either name; a field Content-Type may be the answer's."""
    log = _log(
        tmp_path,
        f"#Fields: cs-method cs-uri-stem Content-Type {field}\n"
        "GET /ChargeProcess/Status text/plain text/xml,+*/*\n"
        "GET /ChargeProcess/Status/ text/plain -\n",
    )

    assert _asked(log) == [
        Request("GET", "/ChargeProcess/Status", (("Accept", "text/xml, */*"),)),
        Request("GET", "/ChargeProcess/Status/"),
    ]


def test_a_har_file(tmp_path: Path) -> None:
    """Only headers that choose an answer are taken, never a token; an entry may be no request."""
    headers = [
        {"name": "accept", "value": "text/xml"},
        {"name": "Cookie", "value": "secret"},
        {"name": "Authorization", "value": "Bearer secret"},
    ]
    url = "https://legacy.example/ChargeProcess/Status?user_id=7"
    request = {"method": "GET", "url": url, "headers": headers}
    entries = [{"request": request}, 1, {}, {"request": None}, {"request": {"method": "GET"}}]
    log = _log(tmp_path, json.dumps({"log": {"entries": entries}}))

    assert list(log) == [("har", Request("GET", _TARGET, (("Accept", "text/xml"),)))]
    assert log.others == {"unreadable": 3, "another address": 1}


def test_a_list_of_urls(tmp_path: Path) -> None:
    """Absolute or not, with a method or none, with blank lines and comments."""
    log = _log(
        tmp_path,
        "# of last week\n\nhttps://legacy.example/api/ChargeProcess/Status?user_id=7\n"
        "/ChargeProcess/Status?user_id=8\nGET /ChargeProcess/Status?user_id=9\n"
        "POST /ChargeProcess/Status?user_id=9\nwhat is this\n",
    )

    assert [request.target for request in _asked(log)][::2] == [
        _TARGET,
        "/ChargeProcess/Status?user_id=8",
        "/ChargeProcess/Status?user_id=9",
    ]
    assert log.others == {"another method": 1, "unreadable": 1}


_CADDY = {
    "level": "info",
    "logger": "http.log.access",
    "request": {
        "proto": "HTTP/2.0",
        "method": "GET",
        "host": "legacy.example",
        "uri": _TARGET,
        "headers": {"Accept": ["text/xml", "*/*"], "Cookie": ["secret"]},
    },
    "status": 200,
}
_NGINX = {"request_method": "GET", "request_uri": _TARGET, "http_accept": "text/xml"}
_SILENT = {"request": f"GET {_TARGET} HTTP/1.1", "http_accept": "", "http_x_requested_with": "-"}
_SPLIT = {"method": "GET", "uri": "/ChargeProcess/Status", "args": "user_id=7"}
_SERVICE = {"CsMethod": "GET", "CsUriStem": "/ChargeProcess/Status", "CsUriQuery": "user_id=7"}
_GATEWAY = {
    "httpMethod": "GET",
    "requestUri": "/ChargeProcess/Status",
    "requestQuery": "X-AzureApplicationGateway-CACHE-HIT=0&SERVER-STATUS=200",
}
_DOOR = {"httpMethod": "GET", "requestUri": f"https://legacy.example:443{_TARGET}"}
_OWN = {"http": {"verb": "GET"}, "where.to": {"it": _TARGET}, "sent": {"accept": "text/xml"}}
_XML: Headers = (("Accept", "text/xml"),)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (_CADDY, [Request("GET", _TARGET, (*_XML, ("Accept", "*/*")))]),
        (_NGINX, [Request("GET", _TARGET, _XML)]),
        (_SILENT, [Request("GET", _TARGET)]),
        (_SPLIT, _in_both(_TARGET)),
        ({"properties": _SERVICE}, _in_both(_TARGET)),
        ({"properties": json.dumps(_SERVICE)}, _in_both(_TARGET)),
        ({"properties": _GATEWAY}, _in_both("/ChargeProcess/Status")),
        ({"properties": {**_GATEWAY, "originalRequestUriWithArgs": _TARGET}}, _in_both(_TARGET)),
        ({"properties": {**_GATEWAY, "requestQuery": "user_id=7"}}, _in_both(_TARGET)),
        ({"properties": _DOOR}, _in_both(_TARGET)),
    ],
)
def test_json_lines(tmp_path: Path, line: object, expected: list[Request]) -> None:
    """As Caddy, nginx and Azure's services name their fields."""
    assert _asked(_log(tmp_path, f"{json.dumps(line)}\n{json.dumps(line)}\n")) == expected


def test_json_lines_with_fields_of_other_names(tmp_path: Path) -> None:
    """Inside others by dots, which a name may have itself; other lines are counted."""
    names = Names(method="http.verb", url="where.to.it", headers="sent")
    hostile = '{"http":' + "[" * 50_000
    log = _log(tmp_path, f'{json.dumps(_OWN)}\n{{"a": 1}}\n[1]\nx\n{hostile}\n', names)

    assert _asked(log) == [Request("GET", _TARGET, _XML)]
    assert log.others == {"unreadable": 4}


@pytest.mark.parametrize(
    "encode",
    [
        str.encode,
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode("utf-16-be"),
        lambda text: gzip.compress(text.encode()),
        lambda text: gzip.compress(text.encode("utf-16")),
        lambda text: gzip.compress(text[:50].encode()) + gzip.compress(text[50:].encode()),
    ],
)
def test_a_log_may_be_packed_and_in_utf16(tmp_path: Path, encode: Callable[[str], bytes]) -> None:
    """As PowerShell writes it, and as logs are rotated."""
    log = _log(tmp_path, encode(_FIELDS + _LINE.format(7)))

    assert _asked(log) == _in_both(_TARGET)


def test_a_packed_log_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    """What it lacks can't be sent."""
    packed = gzip.compress((_FIELDS + _LINE.format(7) * 999).encode())
    for damaged in (packed[:-20], packed[:40] + b"\0" * 40 + packed[80:]):
        with pytest.raises(LogError, match=r"access\.log: is damaged, or not whole"):
            list(_log(tmp_path, damaged))


def test_a_line_without_end_is_not_kept(tmp_path: Path) -> None:
    """The lines after it are read."""
    log = _log(tmp_path, f"{_FIELDS}{'x' * 1_000_000}\n{_LINE.format(7)}{'x' * 1_000_000}")

    assert _asked(log) == _in_both(_TARGET)
    assert log.others == {"unreadable": 2}


def _parts(tmp_path: Path, *texts: str, fields: str = "") -> list[AccessLog]:
    paths = [tmp_path / f"{number}.log" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return access_logs(paths, lambda path: AccessLog(path, _ACTION), fields.split())


_PART = "2026-11-01 10:00:00 GET /ChargeProcess/Status user_id={}\n"
_DATED = "#Fields: date time cs-method cs-uri-stem cs-uri-query\n"


def test_a_part_without_a_header_line_has_that_of_its_neighbour(tmp_path: Path) -> None:
    """The one before it, or else the next; a log of another kind may be between them."""
    other = "#Fields: date time cs-uri-query cs-method cs-uri-stem\n"
    logs = _parts(
        tmp_path,
        _PART.format(1),
        _DATED + _PART.format(2),
        "/ChargeProcess/Status?user_id=3\n",
        _PART.format(4),
        other,
    )

    assert [[one.target[-1] for one in _asked(log)][::2] for log in logs] == [
        ["1"],
        ["2"],
        ["3"],
        ["4"],
        [],
    ]


def test_fields_may_be_named_where_no_part_does(tmp_path: Path) -> None:
    """Without them the log is refused before the first request."""
    (log,) = _parts(
        tmp_path, _PART.format(7), fields="date time cs-method cs-uri-stem cs-uri-query"
    )
    assert _asked(log) == _in_both(_TARGET)

    with pytest.raises(LogError, match=r"0\.log: has no #Fields line: name them with --log-fields"):
        _parts(tmp_path, _PART.format(7))


def test_the_same_request_in_two_logs_is_asked_once(tmp_path: Path) -> None:
    """The second is counted as a repeated request; a format that is new is sent."""
    accept = "#Fields: cs-method cs-uri-stem cs-uri-query cs(Accept)\n"
    logs = _parts(
        tmp_path,
        f"{accept}{_LINE.format(7).strip()} application/xml\n",
        _FIELDS + _LINE.format(7),
        _FIELDS + _LINE.format(7),
    )

    assert [_asked(log) for log in logs] == [_in_both(_TARGET)[1:], _in_both(_TARGET)[:1], []]
    assert [log.others["a repeated request"] for log in logs] == [0, 0, 1]


def test_what_no_request_line_can_hold_is_escaped(tmp_path: Path) -> None:
    """IIS writes a path as it decoded it, or in bytes of its own; nginx escapes them."""
    line = b"GET /ChargeProcess/Status user_id=%s\n"
    iis = _log(tmp_path, _FIELDS.encode() + line % "\u0663".encode() + line % b"\xe4")
    assert [request.target for request in _asked(iis)][::2] == [
        "/ChargeProcess/Status?user_id=%D9%A3",
        "/ChargeProcess/Status?user_id=%E4",
    ]

    combined = _log(tmp_path, '- "GET /ChargeProcess/Status?user_id=\\xD9\\xA3 HTTP/1.1" 200\n')
    assert _asked(combined)[0].target == "/ChargeProcess/Status?user_id=%D9%A3"


@pytest.mark.parametrize(
    "text",
    ["what is this\n", '{"log": {}}', '{"log": {"entries": 1}}', "{", '{"log":' + "[" * 50_000],
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    """In one line that names it."""
    with pytest.raises(LogError, match=r"access\.log"):
        list(_log(tmp_path, text))


def test_logs_are_given_by_pattern(kit: Kit, tmp_path: Path) -> None:
    """Each file once; what has no Accept is sent for both formats, and the run says so."""
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "u_ex1.log").write_text(_FIELDS + _LINE.format(1), encoding="utf-8")
    (folder / "u_ex2.log.gz").write_bytes(gzip.compress((_FIELDS + _LINE.format(2)).encode()))
    with talking(sends(whole(b"{}"))) as url:
        ended = kit("record", url, "--log", "logs/*", "--log", "logs/u_ex1.log")
        refused = kit("record", url, "--log", "logs/*.txt")

    said = Path("logs/u_ex1.log")
    assert (
        f"{said}: names no Accept, so each request is sent for JSON and for XML (1 request)"
        in ended.out
    )
    assert "4 recorded" in ended.out
    assert "there is no file logs/*.txt" in refused.err
    assert (ended.code, refused.code) == (0, 2)


def test_a_damaged_log_is_refused_before_anything_is_asked(kit: Kit, tmp_path: Path) -> None:
    """Also if it is the last one."""
    (tmp_path / "a.log").write_text(_FIELDS + _LINE.format(1), encoding="utf-8")
    (tmp_path / "b.log").write_bytes(gzip.compress(b"x")[:8])
    ended = kit("record", "http://127.0.0.1:9", "--log", "*.log")

    assert "b.log: is damaged, or not whole" in ended.err
    assert ended.code == 2
