"""Many at once, in order, at a rate, until too many fail."""

import threading
import time
from collections.abc import Iterator

import pytest

from app.parity.asking import Asking, StoppedError
from app.parity.client import NoAnswerError


def test_results_come_in_order_whoever_is_first() -> None:
    """The first request takes the longest."""

    def ask(number: int) -> int:
        time.sleep(0.05 if number == 0 else 0)
        return number * 2

    found = list(Asking(4, None, 1).run(ask, range(20)))

    assert found == [(number, number * 2) for number in range(20)]


class _Items:
    """Numbers, and the last one that was taken."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.taken = 0

    def __iter__(self) -> Iterator[int]:
        for number in range(self._count):
            self.taken = number
            yield number


def test_so_many_are_asked_at_once_and_no_more() -> None:
    """Each waits until all that may be at once are there."""
    barrier = threading.Barrier(4)

    list(Asking(4, None, 1).run(lambda _: barrier.wait(5), range(8)))

    assert not barrier.broken


def test_requests_are_taken_as_they_are_needed() -> None:
    """A run over a million holds a few."""
    items = _Items(1_000_000)
    run = Asking(4, None, 1).run(lambda number: number, items)
    for _ in range(10):
        next(run)
    run.close()

    assert items.taken < 100


def test_a_rate_is_kept() -> None:
    """Twenty-one at a hundred a second take a fifth of one."""
    started = time.monotonic()

    list(Asking(8, 100, 1).run(lambda number: number, range(21)))

    assert time.monotonic() - started >= 0.2


def test_a_result_is_not_kept_back() -> None:
    """It comes while the next items are still awaited."""
    items = _Items(100)

    first = next(Asking(4, 20, 1).run(lambda number: number, items))

    assert first == (0, 0)
    assert items.taken < 8


def test_a_run_stops_after_its_failures() -> None:
    """What failed is given too; the last reason is named."""

    def ask(number: int) -> int:
        if number % 2:
            raise NoAnswerError(f"no {number}")
        return number

    run = Asking(1, None, 3).run(ask, range(100))
    found: list[tuple[int, object]] = []
    with pytest.raises(StoppedError, match="stopped after 3 failures, the last: no 5"):
        found.extend(run)

    assert [item for item, _ in found] == [0, 1, 2, 3, 4, 5]
