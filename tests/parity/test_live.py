"""A run on live traffic."""

import signal
import threading
import time
from collections.abc import Iterator

import pytest

from app.parity import interrupt, live
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


def test_pages_are_made_while_all_requests_hang_and_between_two_of_them() -> None:
    """A pause of minutes, and a service that does not answer, hide no counts."""
    moments: list[float] = []
    over = threading.Event()

    def between() -> None:
        moments.append(time.monotonic())
        if len(moments) == 6:
            over.set()

    def ask(request: Request) -> bool:
        return over.wait(20)

    started = time.monotonic()
    made = [
        *live.run(ask, _requests(2), concurrency=1, between=between),
        *live.run(lambda _: True, _requests(2), concurrency=1, pause=0.5, between=between),
    ]

    assert all(answer is True for _, answer in made)
    assert 0.5 < time.monotonic() - started < 10


def test_a_signal_ends_the_pause_and_gives_what_is_there() -> None:
    """It raises nothing: it is the usual end."""

    def requests() -> Iterator[Request]:
        yield Request("GET", "/1")
        signal.raise_signal(signal.SIGTERM)
        yield Request("GET", "/2")

    started = time.monotonic()
    with interrupt.held_back(lambda: None):
        made = list(live.run(lambda _: 1, requests(), concurrency=4, pause=60))

    assert len(made) == 2
    assert time.monotonic() - started < 30


def test_a_page_that_nobody_makes_is_an_error() -> None:
    """It is another answer than that of an unknown path."""
    pages = live.Pages({"/": lambda: ("text/plain", b"here")}, seconds=0.1)

    assert pages("/x") is None
    with pytest.raises(TimeoutError):
        pages("/")
