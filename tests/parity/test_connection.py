"""Whatever a service sends, an answer is bounded and its fault is named."""

import socket
import threading
import time

import pytest

from app.parity.client import Limits, NoAnswerError, Service
from app.parity.fault import FaultKind
from app.parity.recording import Request
from tests.parity.hostile import (
    OK,
    Talk,
    repeats,
    sends,
    sends_and_closes,
    talking,
    whole,
)

_GET = Request("GET", "/")
_CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def _closes(client: socket.socket) -> None:
    raise EOFError


_HOSTILE: dict[str, tuple[Talk, FaultKind, int]] = {
    "body without end": (repeats(_CHUNKED, b"4\r\nxxxx\r\n"), FaultKind.TOO_LARGE, 200),
    "body without end or length": (repeats(OK + b"\r\n", b"x" * 9999), FaultKind.TOO_LARGE, 200),
    "large body": (sends(whole(b"x" * 1001)), FaultKind.TOO_LARGE, 200),
    "absurd length": (
        sends_and_closes(OK + b"Content-Length: 99999999999999999999\r\n\r\nx"),
        FaultKind.CUT_SHORT,
        200,
    ),
    "drip": (
        repeats(OK + b"Content-Length: 999\r\n\r\n", b"x", 0.02),
        FaultKind.NOT_WHOLE_IN_TIME,
        200,
    ),
    "drip in the head": (repeats(OK, b"X", 0.02), FaultKind.NO_ANSWER_IN_TIME, 0),
    "silence": (sends(b""), FaultKind.NO_ANSWER_IN_TIME, 0),
    "silence in the body": (sends(OK, b"\r\n"), FaultKind.NOT_WHOLE_IN_TIME, 200),
    "interim answers": (repeats(b"", b"HTTP/1.1 103 E\r\n\r\n"), FaultKind.INTERIM, 0),
    "header flood": (repeats(OK, b"X-A: 1\r\n" * 999), FaultKind.NOT_HTTP, 0),
    "header without end": (repeats(OK + b"X-A: ", b"x" * 9999), FaultKind.NOT_HTTP, 0),
    "short body": (sends_and_closes(OK, b"Content-Length: 9\r\n\r\nhi"), FaultKind.CUT_SHORT, 200),
    "short chunk": (sends_and_closes(_CHUNKED, b"9\r\nhi"), FaultKind.CUT_SHORT, 200),
    "short head": (sends_and_closes(b"HTTP/1.1 200 OK\r\nX-"), FaultKind.CUT_SHORT, 0),
    "long body": (sends(whole(b"hi") + b" there"), FaultKind.TOO_LONG, 200),
    "body of a 204": (sends(b"HTTP/1.1 204 No\r\n\r\nhi"), FaultKind.TOO_LONG, 204),
    "two lengths": (
        sends(OK, b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nhi"),
        FaultKind.NOT_HTTP,
        0,
    ),
    "negative length": (sends(OK, b"Content-Length: -1\r\n\r\nhi"), FaultKind.NOT_HTTP, 0),
    "absurd chunk": (sends(_CHUNKED, b"zz\r\nhi\r\n"), FaultKind.NOT_HTTP, 200),
    "chunk's line without end": (repeats(_CHUNKED + b"1;", b"x" * 9999), FaultKind.NOT_HTTP, 200),
    "trailers without end": (
        repeats(_CHUNKED + b"0\r\n", b"X: 1\r\n" * 999),
        FaultKind.NOT_HTTP,
        200,
    ),
    "another protocol": (sends(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), FaultKind.NOT_HTTP, 0),
    "noise": (sends(bytes(range(256))), FaultKind.NOT_HTTP, 0),
    "another protocol agreed": (
        sends(b"HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n"),
        FaultKind.NOT_HTTP,
        0,
    ),
    "closes": (_closes, FaultKind.DROPPED, 0),
}

_LATE = (FaultKind.NO_ANSWER_IN_TIME, FaultKind.NOT_WHOLE_IN_TIME)


@pytest.mark.parametrize("name", _HOSTILE)
def test_a_broken_answer_is_named(name: str) -> None:
    """With what came of its head; nothing waits longer than for the timeout."""
    talk, kind, status = _HOSTILE[name]
    timeout = 0.5 if kind in _LATE else 60
    started = time.monotonic()
    with talking(talk) as url, Service(url, limits=Limits(timeout, 0, 1000)) as service:
        answer = service.ask(_GET).answer

    assert answer.fault is not None
    assert (answer.fault.kind, answer.status) == (kind, status)
    assert len(answer.body) <= 1000
    assert len(str(answer.fault)) < 300
    assert time.monotonic() - started < 30


def test_an_answer_in_order_has_no_fault() -> None:
    """Its version is known, and that the connection stays."""
    with talking(sends(whole(b"hi"))) as url, Service(url) as service:
        answer = service.ask(_GET).answer

    assert (answer.body, answer.fault, answer.version, answer.closes) == (b"hi", None, "1.1", False)


@pytest.mark.parametrize(
    "talk",
    [
        sends_and_closes(whole(b"hi", b"Connection: close")),
        sends_and_closes(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
        sends_and_closes(OK, b"\r\nhi"),
    ],
)
def test_an_answer_that_ends_its_connection_says_so(talk: Talk) -> None:
    """By a header, by HTTP 1.0, or by having no length."""
    with talking(talk) as url, Service(url) as service:
        answers = [service.ask(_GET).answer for _ in range(2)]

    assert [(answer.body, answer.fault, answer.closes) for answer in answers] == [
        (b"hi", None, True)
    ] * 2


def test_a_faulty_answer_is_none_where_a_whole_one_is_needed() -> None:
    """The error names the service and the fault."""
    with (
        talking(sends(whole(b"hi") + b"!")) as url,
        Service(url) as service,
        pytest.raises(NoAnswerError, match=r"127\.0\.0\.1:\d+: longer than its length: 1 bytes"),
    ):
        service.ask_whole(_GET)


def test_bytes_that_nobody_asked_for_are_counted() -> None:
    """They came after the answer, and are no part of the next one."""
    answered, late = threading.Event(), threading.Event()

    def talk(client: socket.socket) -> None:
        client.sendall(whole(b"hi"))
        answered.wait(30)
        client.sendall(whole(b"late"))
        late.set()

    with talking(talk) as url, Service(url) as service:
        first = service.ask(_GET).answer
        answered.set()
        late.wait(30)
        second = service.ask(_GET).answer

    assert first.body == second.body == b"hi"
    assert service.troubles == {"answers were followed by further bytes": 1}
