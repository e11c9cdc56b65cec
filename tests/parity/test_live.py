"""A run on live traffic."""

import os
import signal
import threading
import time
from collections.abc import Iterator

from app.parity import live
from app.parity.client import NoAnswerError
from app.parity.recording import Request


def _requests(count: int) -> Iterator[Request]:
    return (Request("GET", f"/{number}") for number in range(count))


def test_each_request_is_asked_and_comes_back_with_its_answer() -> None:
    """In whatever order they end."""
    made = list(live.run(lambda request: request.target, _requests(100), concurrency=8))

    assert len(made) == 100
    assert all(request.target == found for request, found in made)


def test_no_more_than_so_many_are_asked_at_once() -> None:
    """The others wait with the listener, whose queue is bounded."""
    lock = threading.Lock()
    running, most = 0, 0

    def ask(_: Request) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1

    made = list(live.run(ask, _requests(60), concurrency=4))

    assert len(made) == 60
    assert 1 <= most <= 4


def test_an_answer_is_judged_while_no_other_request_comes() -> None:
    """A quiet service's findings are seen at once."""

    def requests() -> Iterator[Request | None]:
        yield Request("GET", "/1")
        while not judged.is_set():
            time.sleep(0.01)
            yield None

    judged = threading.Event()
    found = []
    for item in live.run(lambda request: request.target, requests(), concurrency=4):
        found.append(item)
        judged.set()

    assert len(found) == 1


def test_a_run_ends_after_its_limit() -> None:
    """Whatever still comes."""
    assert len(list(live.run(lambda _: 1, _requests(50), concurrency=4, limit=7))) == 7


def test_a_request_without_an_answer_is_a_result() -> None:
    """It stops no other."""

    def ask(request: Request) -> str:
        if request.target == "/1":
            raise NoAnswerError("away")
        return "answer"

    made = dict(live.run(ask, _requests(3), concurrency=2))

    assert str(made[Request("GET", "/1")]) == "away"
    assert made[Request("GET", "/2")] == "answer"


def test_signals_stop_a_run_and_are_given_back() -> None:
    """SIGINT and SIGTERM are the usual end."""
    stopped: list[int] = []
    before = signal.getsignal(signal.SIGTERM)

    with live.stopped_by_signals(lambda: stopped.append(1)):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        while len(stopped) < 2:
            time.sleep(0.01)

    assert signal.getsignal(signal.SIGTERM) is before
