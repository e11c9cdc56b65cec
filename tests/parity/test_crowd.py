"""One sends alone while the others wait."""

import threading
from concurrent.futures import ThreadPoolExecutor

from app.parity.crowd import Crowd


def test_who_is_alone_is_alone() -> None:
    """All others have left, and none comes in."""
    crowd, inside, seen = Crowd(most_alone=100), [0], list[int]()
    lock = threading.Lock()

    def ask(number: int) -> None:
        with crowd.inside():
            with lock:
                inside[0] += 1
            with lock:
                inside[0] -= 1
        if number % 4 == 0:
            with crowd.alone("a") as may:
                assert may
                seen.append(inside[0])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(200)))

    assert seen == [0] * 50


def test_many_are_inside_at_once() -> None:
    """Each waits until all are there."""
    crowd, barrier = Crowd(), threading.Barrier(4)

    def ask(_: int) -> None:
        with crowd.inside():
            barrier.wait(10)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))

    assert not barrier.broken


def test_only_so_often_for_each_reason_and_for_so_many_reasons() -> None:
    """It holds up everyone."""
    crowd = Crowd(most_alone=2, most_reasons=2)
    got = []
    for reason in ("a", "a", "a", "b", "c"):
        with crowd.alone(reason) as may:
            got.append(may)

    assert got == [True, True, False, True, False]
