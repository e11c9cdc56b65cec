"""A service may be away for a moment."""

import socket
import threading
import time

import pytest

from app.parity.client import DROPPED, Limits, NoAnswerError, Service
from app.parity.outage import Outage
from app.parity.recording import Request
from tests import truth
from tests.parity.hostile import sends, sends_and_closes, talking, whole

_GET = Request("GET", "/")


def test_one_that_never_answered_is_not_waited_for() -> None:
    """Its address may be wrong."""
    with Service(f"http://127.0.0.1:{truth.free_port()}", limits=Limits(away=60)) as service:
        started = time.monotonic()
        with pytest.raises(NoAnswerError):
            service.ask(_GET)

    assert time.monotonic() - started < 30


def _server(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


def test_one_that_comes_back_is_asked_again() -> None:
    """What it was away for is known."""
    with talking(sends_and_closes(whole(b"hi", b"Connection: close"))) as url:
        service = Service(url, limits=Limits(away=60))
        service.ask(_GET)
    port = int(url.rpartition(":")[2])
    back = threading.Timer(0.5, lambda: servers.append(_server(port)))
    servers: list[socket.socket] = []
    with service:
        back.start()
        answering = threading.Thread(target=_answer, args=(servers,))
        answering.start()
        answer = service.ask(_GET).answer
        answering.join()
    servers[0].close()

    assert answer.body == b"back"
    assert service.outage.seconds > 0.3


def _answer(servers: list[socket.socket]) -> None:
    """Answer one request of a server as soon as there is one."""
    truth.until(lambda: bool(servers))
    client, _ = servers[0].accept()
    with client:
        client.recv(65536)
        client.sendall(whole(b"back"))


def test_the_budget_is_that_of_the_run() -> None:
    """Who waits side by side spends it once; then nobody waits any more."""
    outage = Outage(0.6)
    outage.answered()
    started = time.monotonic()
    threads = [threading.Thread(target=_wait_out, args=(outage,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert time.monotonic() - started > 0.5
    assert outage.seconds >= 0.6
    outage.answered()
    assert outage.wait(0) is False


def _wait_out(outage: Outage) -> None:
    attempt = 0
    while outage.wait(attempt):
        attempt += 1


def test_the_end_of_a_run_ends_the_waiting() -> None:
    """At once."""
    outage = Outage(3600)
    outage.answered()
    waiting = threading.Thread(target=_wait_out, args=(outage,))
    waiting.start()
    outage.give_up()
    waiting.join(30)

    assert not waiting.is_alive()


def test_a_dropped_connection_is_counted_and_asked_again() -> None:
    """The service had the request, and gave no byte of an answer."""
    dropped: list[int] = []

    def talk(client: socket.socket) -> None:
        if not dropped:
            dropped.append(1)
            raise EOFError
        sends(whole(b"hi"))(client)

    with talking(talk) as url, Service(url) as service:
        answer = service.ask(_GET).answer

    assert (answer.body, answer.fault) == (b"hi", None)
    assert service.troubles == {DROPPED: 1}
