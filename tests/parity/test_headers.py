"""Headers, and what is the connection's: what counts, and what does not."""

from socket import socket

import pytest

from app.parity.client import Service
from app.parity.headers import NOT_COMPARED, ComparedHeaders, without_cookie_values
from app.parity.outcome import Comparison, Outcome, Result
from app.parity.recording import Answer, Request
from tests.parity.hostile import OK, Talk, sends, sends_and_closes, talking, whole

_BODY = b'{"process_id":1}'
_GET = Request("GET", "/ChargeProcess/Status?user_id=1", (("Host", "legacy.example"),))
_CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n10\r\n" + _BODY + b"\r\n0\r\n\r\n"
_LENGTH = b"Content-Length: 16\r\n"
_LEGACY = (b"Cache-Control: no-cache", b"Date: yesterday", b"Server: Microsoft-IIS/8.5")

_ANSWERS: dict[str, tuple[Talk, list[str]]] = {
    "a cookie": (
        sends(whole(_BODY, *_LEGACY, b"Set-Cookie: s=1; path=/; HttpOnly")),
        ["header at Set-Cookie: None became s=...; path=/; HttpOnly"],
    ),
    "Vary": (
        sends(whole(_BODY, *_LEGACY, b"Vary: Accept")),
        ["header at Vary: None became Accept"],
    ),
    "an ETag": (sends(whole(_BODY, *_LEGACY, b'ETag: "1"')), ['header at ETag: None became "1"']),
    "a header twice": (
        sends(whole(_BODY, *_LEGACY, b"cache-control: no-cache")),
        ["header at Cache-Control: no-cache became no-cache | no-cache"],
    ),
    "a header less": (
        sends(whole(_BODY, *_LEGACY[1:])),
        ["header at Cache-Control: no-cache became None"],
    ),
    "Content-Type twice": (
        sends(whole(_BODY, *_LEGACY, b"Content-Type: application/json; charset=utf-8")),
        [
            "header at Content-Type: application/json; charset=utf-8 became application/json;"
            " charset=utf-8 | application/json; charset=utf-8"
        ],
    ),
    "chunks": (
        sends(OK, *(header + b"\r\n" for header in _LEGACY), _CHUNKED),
        ["framing at framing: a length became chunked"],
    ),
    "HTTP/1.0": (
        sends_and_closes(whole(_BODY, *_LEGACY).replace(b"HTTP/1.1", b"HTTP/1.0")),
        ["HTTP version at version: 1.1 became 1.0"],
    ),
    "a closing connection": (
        sends_and_closes(whole(_BODY, *_LEGACY, b"Connection: close")),
        ["closing connection at connection: stays open became closes"],
    ),
    "another date and server": (
        sends(whole(_BODY, _LEGACY[0], b"Date: today", b"Server: x", b"X-Powered-By: y")),
        [],
    ),
    "names in another case and order": (
        sends(whole(_BODY, b"server: x", b"CACHE-CONTROL: no-cache")),
        [],
    ),
}


def _compared(talk: Talk) -> Outcome:
    with (
        talking(sends(whole(_BODY, *_LEGACY))) as old_url,
        talking(talk) as new_url,
        Service(old_url) as old,
        Service(new_url) as new,
    ):
        return Comparison(old, new)(_GET)


@pytest.mark.parametrize("name", _ANSWERS)
def test_what_a_client_sees_of_a_connection_is_compared(name: str) -> None:
    """Each has one finding with its name; what changes by itself has none."""
    talk, expected = _ANSWERS[name]
    outcome = _compared(talk)

    found = outcome.differences
    assert [f"{d.kind} at {d.where}: {d.expected} became {d.found}" for d in found] == expected
    assert outcome.flaky == []
    assert outcome.result is (Result.DIFFERENT if expected else Result.SAME)


def test_a_connection_that_ends_now_and_then_is_no_difference() -> None:
    """Servers end one after so many requests."""
    ended: list[bool] = []

    def talk(client: socket) -> None:
        ended.append(True)
        if len(ended) > 1:
            sends(whole(_BODY, *_LEGACY))(client)
        else:
            sends_and_closes(whole(_BODY, *_LEGACY, b"Connection: close"))(client)

    outcome = _compared(talk)

    assert outcome.result is Result.SAME
    assert len(ended) == 2


def test_what_is_not_compared_is_listed_and_can_be_added() -> None:
    """By its name in any case."""
    old = Answer(200, (("Server", "IIS"), ("Date", "1"), ("Allow", "GET")), b"")
    new = Answer(200, (("server", "nginx"), ("Date", "2"), ("Allow", "GET")), b"")

    assert list(ComparedHeaders().differences(old, new)) == []
    assert ComparedHeaders().left_out(old) == {"Server", "Date"}
    (found,) = ComparedHeaders(more=("SERVER",)).differences(old, new)
    assert (found.where, found.expected, found.found) == ("Server", "IIS", "nginx")
    assert "Set-Cookie" not in NOT_COMPARED


def test_a_cookies_value_is_left_out() -> None:
    """It is a session's own, and a secret; name and attributes count."""
    kept = without_cookie_values(
        (("Set-Cookie", "a=secret; Path=/; Expires=Thu, 01 Jan 2026 00:00:00 GMT; Secure"),)
    )

    assert kept == (("Set-Cookie", "a=...; Path=/; Expires=...; Secure"),)


@pytest.mark.parametrize("other", ["s=1; Path=/; Max-Age=0", "s=; Path=/; Max-Age=60"])
def test_a_cookie_that_is_deleted_differs(other: str) -> None:
    """By its age, or by its empty value."""
    old, new = (
        Answer(200, (("Set-Cookie", text),), b"") for text in ("s=9; Path=/; Max-Age=60", other)
    )

    assert [item.where for item in ComparedHeaders().differences(old, new)] == ["Set-Cookie"]
