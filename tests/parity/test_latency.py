"""Times of both sides, and what they allow to say."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from app.parity.client import Service
from app.parity.latency import Latencies
from app.parity.outcome import Comparison
from app.parity.recording import Request
from tests.parity.services import serving


def _latencies(legacy: list[float], new: list[float]) -> Latencies:
    made = Latencies()
    made.take("legacy", legacy)
    made.take("new", new)
    return made


def test_percentiles_are_in_milliseconds() -> None:
    """Of each side."""
    seconds = [number / 1000 for number in range(1, 101)]

    assert _latencies(seconds, [0.5]).percentiles() == {
        "legacy": {50: 51.0, 95: 96.0, 99: 100.0},
        "new": {50: 500.0, 95: 500.0, 99: 500.0},
    }


def test_a_slower_side_is_said_with_both_times() -> None:
    """At each percentile with more than a few answers above it."""
    made = _latencies([0.010] * 600, [0.010] * 300 + [0.016] * 300)

    assert made.slower(1.5) == [
        "slower: p50 is 16.0 ms against 10.0 ms, 1.60 times as long",
        "slower: p95 is 16.0 ms against 10.0 ms, 1.60 times as long",
        "slower: p99 is 16.0 ms against 10.0 ms, 1.60 times as long",
    ]
    assert made.slower(1.7) == []


@pytest.mark.parametrize(
    ("answers", "judged"), [(9, []), (10, [50]), (100, [50, 95]), (500, [50, 95, 99])]
)
def test_few_answers_say_nothing(answers: int, judged: list[int]) -> None:
    """The slowest of ten is chance, not a percentile."""
    made = _latencies([0.001] * answers, [0.009] * answers)

    assert made.judged() == judged
    assert len(made.slower()) == len(judged)


def test_one_side_alone_is_slower_than_none() -> None:
    """A replay has no times of the legacy service."""
    made = Latencies()
    made.take("service", [0.1] * 600)

    assert made.slower() == []


def _slow_at_first() -> Callable[..., Iterable[bytes]]:
    """Make a service that takes 100 ms for the first answer only."""
    asked = 0

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        nonlocal asked
        asked += 1
        time.sleep(0.1 if asked == 1 else 0)
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
        return [b"{}"]

    return app


def test_the_first_answers_of_both_services_are_timed() -> None:
    """One that was asked just before would be faster than itself."""
    with serving(_slow_at_first()) as legacy, serving(_slow_at_first()) as new:
        sides = Service(legacy), Service(new)
        outcome = Comparison(*sides)(Request("GET", "/", (("Host", "a"),)))
        for side in sides:
            side.close()

    assert min(outcome.seconds["legacy"]) >= 0.1
    assert min(outcome.seconds["new"]) >= 0.1
