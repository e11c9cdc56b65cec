"""Requests go out exactly as they were meant."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.parity.client import NoAnswerError, Service
from app.parity.recording import Answer, Request

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\nX-A: 2\r\n\r\nhi"


class _Wire:
    """Keeps what arrives, and answers with given bytes, one for each request."""

    def __init__(self, *answers: bytes, closes: bool = False) -> None:
        self.received: list[bytes] = []
        self.connections = 0
        self._answers = list(answers)
        self._closes = closes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while self._answers:
            client, _ = self._listener.accept()
            self.connections += 1
            with client:
                while self._answers and (data := client.recv(65536)):
                    self.received.append(data)
                    client.sendall(self._answers.pop(0))
                    if self._closes:
                        break

    @contextmanager
    def running(self) -> Iterator["_Wire"]:
        """Listen until the block ends."""
        self._thread.start()
        yield self
        self._thread.join(10)
        self._listener.close()


def _ask(service: Service, request: Request) -> Answer:
    """Ask once."""
    with service:
        return service.ask(request).answer


def test_no_header_is_added() -> None:
    """Not even a Host or an Accept."""
    with _Wire(_ANSWER).running() as wire:
        _ask(Service(wire.url), Request("GET", "/a%2F?b=<>&c"))

    assert wire.received == [b"GET /a%2F?b=<>&c HTTP/1.1\r\n\r\n"]


def test_headers_keep_their_case_and_order() -> None:
    """Twice if they were meant twice; the secret ones come last."""
    headers = (("host", "h"), ("ACCEPT", "text/xml"), ("Accept", "b"), ("X-Empty", ""))
    with _Wire(_ANSWER).running() as wire:
        service = Service(f"{wire.url}/base/", headers=(("Authorization", "Bearer t"),))
        answer = _ask(service, Request("GET", "/x", headers))

    assert wire.received == [
        b"GET /base/x HTTP/1.1\r\nhost: h\r\nACCEPT: text/xml\r\nAccept: b\r\nX-Empty: \r\n"
        b"Authorization: Bearer t\r\n\r\n"
    ]
    assert answer.headers == (("Content-Length", "2"), ("X-A", "1"), ("X-A", "2"))
    assert answer.header("x-a") == "1, 2"
    assert answer.body == b"hi"


def test_its_own_host_is_sent_where_that_is_asked() -> None:
    """In place of the recorded one."""
    with _Wire(_ANSWER).running() as wire:
        service = Service(wire.url, own_host=True)
        _ask(service, Request("GET", "/", (("Host", "legacy.example"),)))

    assert wire.received == [b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % service.host.encode()]


def test_a_connection_is_kept_and_opened_again_when_it_was_closed() -> None:
    """A server may close it between two requests."""
    with _Wire(_ANSWER, _ANSWER).running() as kept:
        service = Service(kept.url)
        for _ in range(2):
            service.ask(Request("GET", "/"))
        service.close()
    with _Wire(_ANSWER, _ANSWER, closes=True).running() as closing:
        service = Service(closing.url)
        for _ in range(2):
            assert service.ask(Request("GET", "/")).answer.status == 200
            # The server closes behind its answer, and the next request is later than that.
            time.sleep(0.3)
        service.close()
    assert service.troubles == {}

    assert (kept.connections, closing.connections) == (1, 2)


def test_a_redirect_is_an_answer() -> None:
    """Nobody follows it."""
    moved = b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"
    with _Wire(moved).running() as wire:
        assert _ask(Service(wire.url), Request("GET", "/")).status == 302


@pytest.mark.parametrize("target", ["/a b", "/a\nX: 1", "/\u00fc"])
def test_what_no_request_line_can_hold_is_not_sent(target: str) -> None:
    """It would be another request."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(NoAnswerError, match="can't hold"):
            Service(url).ask(Request("GET", target))


@pytest.mark.parametrize(
    "header", [("X-A", "a\r\nX-B: b"), ("X A", "a"), ("", "a"), ("X-A", "\u0663")]
)
def test_a_header_that_would_be_another_is_not_sent(header: tuple[str, str]) -> None:
    """Nor one that no request can hold."""
    with pytest.raises(NoAnswerError, match="can't hold"):
        Service("http://127.0.0.1:9").ask(Request("GET", "/", (header,)))
