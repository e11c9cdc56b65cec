"""The listener, as a proxy that mirrors requests meets it."""

import http.client
import socket
import time
from collections.abc import Iterator

import pytest

from app.parity import listener
from app.parity.listener import Listener, Page
from app.parity.recording import Request
from app.webapi.routing import HttpActionDescriptor

_ACTION = HttpActionDescriptor("ChargeProcess", "Status", "user_id", "", "")
_STATUS = "/ChargeProcess/Status?user_id="


def _page(path: str) -> Page | None:
    return ("text/html", b"<p>page</p>") if path == "/" else None


@pytest.fixture
def listening() -> Iterator[Listener]:
    """A listener on a free port."""
    with Listener("127.0.0.1", 0, _ACTION, _page) as made:
        yield made


def _send(port: int, method: str, target: str, *headers: tuple[str, str]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True, skip_host=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _first(listening: Listener) -> Request:
    return next(found for found in listening if found is not None)


def test_a_mirrored_request_is_answered_with_nothing(listening: Listener) -> None:
    """And comes out as it was sent, below the action's own path."""
    target = "/Cloud/chargeprocess/STATUS/?user_id=%31&x=a%2Fb"

    answer = _send(listening.port, "GET", f"/mirrored{target}", ("Host", "legacy.example"))
    found = _first(listening)

    assert answer == (204, b"")
    assert str(found).count("'/chargeprocess/STATUS/?user_id=%31&x=a%2Fb'") == 1


def test_secrets_are_sent_and_not_shown(listening: Listener) -> None:
    """Only headers that choose an answer may be written; those of the connection go."""
    _send(
        listening.port,
        "GET",
        f"/mirrored{_STATUS}1",
        ("Host", "a"),
        ("Accept", "text/xml"),
        ("Accept", "*/*"),
        ("Authorization", "Bearer s3cret"),
        ("Cookie", "c=s3cret"),
        ("Connection", "close"),
    )
    found = _first(listening)

    assert found.headers == (("Host", "a"), ("Accept", "text/xml"), ("Accept", "*/*"))
    assert found.secret == (("Authorization", "Bearer s3cret"), ("Cookie", "c=s3cret"))
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("method", "target"),
    [("POST", f"{_STATUS}1"), ("GET", "/Help"), ("DELETE", "/"), ("BREW", f"{_STATUS}1")],
)
def test_other_requests_are_counted(listening: Listener, method: str, target: str) -> None:
    """They are answered with nothing as well."""
    answer = _send(listening.port, method, f"/mirrored{target}", ("Host", "a"))

    assert answer == (204, b"")
    assert listening.others == {listener.ANOTHER_REQUEST: 1}


def test_other_paths_show_the_run(listening: Listener) -> None:
    """A page, or a line that says that nothing is there."""
    assert _send(listening.port, "GET", "/", ("Host", "a")) == (200, b"<p>page</p>")
    assert _send(listening.port, "GET", "/x", ("Host", "a")) == (404, b"Nothing is here.\n")


def test_a_page_of_a_busy_run_is_not_called_missing() -> None:
    """Who watches the run can tell that from a wrong path."""

    def busy(_: str) -> Page | None:
        raise TimeoutError

    with Listener("127.0.0.1", 0, _ACTION, busy) as listening:
        status, text = _send(listening.port, "GET", "/metrics", ("Host", "a"))

    assert (status, text) == (503, b"The run is busy or is ending: ask again.\n")


def test_what_waits_at_the_stop_is_counted(listening: Listener) -> None:
    """What comes later is no part of the run."""
    for user in range(3):
        listening.take("GET", f"{_STATUS}{user}", ())
    listening.stop()
    listening.take("GET", f"{_STATUS}4", ())

    assert listening.others == {listener.ENDED: 3}


def test_what_the_queue_cannot_hold_is_dropped_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The proxy never waits."""
    monkeypatch.setattr(listener, "QUEUE", 2)
    with Listener("127.0.0.1", 0, _ACTION, _page) as listening:
        answers = [
            _send(listening.port, "GET", f"/mirrored{_STATUS}{user}", ("Host", "a"))
            for user in range(5)
        ]

        assert {status for status, _ in answers} == {204}
        assert listening.others == {listener.FULL: 3}


def test_a_sample_takes_its_share() -> None:
    """Of 1,000 requests about one in four; the rest is counted."""
    with Listener("127.0.0.1", 0, _ACTION, _page, sample=0.25, seed=1) as listening:
        for user in range(1000):
            listening.take("GET", f"{_STATUS}{user}", ())

        assert 700 < listening.others[listener.NOT_SAMPLED] < 800


def test_a_proxy_that_breaks_off_stops_nothing(listening: Listener) -> None:
    """Nor does one that sends nonsense."""
    for content in (b"GET /mirrored", b"\x00\xff\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", listening.port), timeout=5) as proxy:
            proxy.sendall(content)

    assert _send(listening.port, "GET", "/", ("Host", "a"))[0] == 200


def test_it_stops_while_nothing_comes(listening: Listener) -> None:
    """Within a second."""
    started = time.monotonic()
    listening.stop()

    assert list(listening) == []
    assert time.monotonic() - started < 5


@pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6 here")
def test_it_listens_with_ipv6() -> None:
    """Where the host is such an address."""
    try:
        made = Listener("::1", 0, _ACTION, _page)
    except OSError as error:
        pytest.skip(str(error))
    with made, socket.create_connection(("::1", made.port), timeout=5) as proxy:
        proxy.sendall(b"GET / HTTP/1.0\r\n\r\n")

        assert proxy.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_taken_address_is_refused() -> None:
    """By the error that the command shows."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        Listener("127.0.0.1", taken.getsockname()[1], _ACTION, _page)
