"""A signal ends a run between two of its steps."""

import itertools
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from app.parity import interrupt
from app.parity.asking import Asking

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def test_a_signal_at_any_moment_breaks_no_lock() -> None:
    """At each line that a run goes through: with a broken lock it would hang or raise another."""
    for moment in itertools.count():
        with interrupt.held_back(lambda: None):
            try:
                came = _runs_with_a_signal(moment)
            except KeyboardInterrupt:
                came = True
        if not came:
            break

    assert moment > 100


def _runs_with_a_signal(moment: int) -> bool:
    """Run with a signal at so many traced lines; say whether the run had as many."""
    lines = 0

    def trace(*_: object) -> Any:
        nonlocal lines
        lines += 1
        if lines == moment:
            sys.settrace(None)
            signal.raise_signal(signal.SIGINT)
        return trace

    before = sys.gettrace()
    asking = Asking(1, None, 1)
    sys.settrace(trace)
    try:
        with closing(asking.run(lambda item: item, interrupt.allowed_between(range(2)))) as made:
            list(made)
    finally:
        sys.settrace(before)
    return lines >= moment


def test_the_first_signal_stops_and_the_next_do_nothing_more() -> None:
    """`timeout` and terminals send some programs the same signal twice."""
    stops: list[int] = []
    with interrupt.held_back(lambda: stops.append(1)):
        for number in _SIGNALS:
            signal.raise_signal(number)

        with pytest.raises(KeyboardInterrupt):
            interrupt.check()

    assert stops == [1]


def test_a_second_signal_does_not_end_the_stop_of_the_first() -> None:
    """Where a signal may raise, too: the connections that stop() would not reach stay open."""
    stopped: list[str] = []

    def stop() -> None:
        signal.raise_signal(signal.SIGTERM)
        stopped.append("whole")

    with (
        interrupt.held_back(stop),
        pytest.raises(KeyboardInterrupt),
        interrupt.allowed(),
    ):
        signal.raise_signal(signal.SIGINT)

    assert stopped == ["whole"]


def test_two_different_signals_reach_the_main_thread() -> None:
    """The threads of a run take neither, so that what the main thread waits in is interrupted."""

    def silent() -> Iterator[int]:
        yield from range(8)
        for number in _SIGNALS:
            os.kill(os.getpid(), number)
        time.sleep(60)

    started = time.monotonic()
    asking = Asking(8, None, 1)
    for _ in range(5):
        with interrupt.held_back(lambda: None), pytest.raises(KeyboardInterrupt):
            list(asking.run(lambda item: item, interrupt.allowed_between(silent())))

    assert time.monotonic() - started < 50


def test_what_a_shell_ignores_stays_ignored() -> None:
    """In a script, `command &` is not for Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupt.held_back(lambda: None):
            signal.raise_signal(signal.SIGINT)
            interrupt.check()
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_waiting_for_the_next_item_is_interrupted() -> None:
    """A pipe that nobody writes to would keep the run for ever."""

    def silent() -> Iterator[int]:
        signal.raise_signal(signal.SIGTERM)
        time.sleep(60)
        yield 1

    with interrupt.held_back(lambda: None), pytest.raises(KeyboardInterrupt):
        list(interrupt.allowed_between(silent()))


def test_a_run_has_its_own_signals() -> None:
    """One that was interrupted leaves nothing for the next, and gives the handlers back."""
    before = [signal.getsignal(number) for number in _SIGNALS]
    with interrupt.held_back(lambda: None):
        signal.raise_signal(signal.SIGINT)
    interrupt.check()

    assert list(interrupt.allowed_between([1, 2])) == [1, 2]
    assert [signal.getsignal(number) for number in _SIGNALS] == before
