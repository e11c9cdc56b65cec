"""The circuit breaker's promises, whatever happens in which order."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from time import monotonic

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from app.store.breaker import PAUSE_SECONDS, Breaker, OpenError
from app.store.deadline import SilenceError

_SECONDS = 4.5
_FIRST = 0.5
_ROUNDING = 1e-6
"""Sums of seconds depend on their order."""


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return its time."""
        return self.now


class Call:
    """A call that is let through, and ends when it is told to."""

    def __init__(self, breaker: Breaker, clock: Clock) -> None:
        self._block: AbstractContextManager[float] = breaker.call()
        self.trial = breaker.is_open
        self.seconds = self._block.__enter__()
        self.began = clock()

    def end(self, error: Exception | None = None) -> None:
        """End it with an answer or an error."""
        kind = None if error is None else type(error)
        assert not self._block.__exit__(kind, error, None)


def _silence(breaker: Breaker, clock: Clock) -> None:
    call = Call(breaker, clock)
    clock.now += call.seconds
    call.end(SilenceError())


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    """A closed breaker."""
    return Breaker(_SECONDS, _FIRST, clock)


def test_a_silent_call_opens_it(breaker: Breaker, clock: Clock) -> None:
    """The next one fails at once."""
    _silence(breaker, clock)

    with pytest.raises(OpenError):
        Call(breaker, clock)


@pytest.mark.parametrize("refusal", [ConnectionRefusedError(), ValueError("too many clients")])
def test_a_refusal_is_an_answer(breaker: Breaker, clock: Clock, refusal: Exception) -> None:
    """It lets the next calls through."""
    Call(breaker, clock).end(refusal)

    assert Call(breaker, clock).seconds == _SECONDS


def test_a_silent_call_beside_an_answered_one_opens_nothing(breaker: Breaker, clock: Clock) -> None:
    """A connection of its own is dead, not the server."""
    dead = Call(breaker, clock)
    clock.now += 1
    Call(breaker, clock).end()
    clock.now += _SECONDS
    dead.end(SilenceError())

    assert Call(breaker, clock).seconds == _SECONDS


def test_trials_take_longer_and_longer(breaker: Breaker, clock: Clock) -> None:
    """Up to the time of a call, so that a server that became slow is found."""
    _silence(breaker, clock)
    seconds = []
    for _ in range(6):
        clock.now += PAUSE_SECONDS
        trial = Call(breaker, clock)
        seconds.append(trial.seconds)
        clock.now += trial.seconds
        trial.end(SilenceError())

    assert seconds == [0.5, 1, 2, 4, 4.5, 4.5]


def test_a_trial_that_is_lost_holds_nothing_up(breaker: Breaker, clock: Clock) -> None:
    """Its time is over once it would have been."""
    _silence(breaker, clock)
    clock.now += PAUSE_SECONDS
    lost = Call(breaker, clock)

    with pytest.raises(OpenError):
        Call(breaker, clock)
    clock.now += lost.seconds + PAUSE_SECONDS

    assert Call(breaker, clock).seconds > 0


class AnyOrder(RuleBasedStateMachine):
    """Calls that begin, end, are lost and overlap, while time passes."""

    calls = Bundle("calls")

    @initialize()
    def begin(self) -> None:
        """Begin closed."""
        self.clock = Clock()
        self.breaker = Breaker(_SECONDS, _FIRST, self.clock)
        self.answered_at = self.clock.now
        self.opened_at = 0.0
        self.trials: list[Call] = []

    @rule(target=calls)
    def call(self) -> object:
        """A closed breaker lets all through, an open one never two trials at a time."""
        was_open = self.breaker.is_open
        try:
            made = Call(self.breaker, self.clock)
        except OpenError:
            assert was_open
            last = self.trials[-1] if self.trials else None
            due = last.began + last.seconds if last else self.opened_at
            assert self.clock.now < due + PAUSE_SECONDS + _ROUNDING
            return multiple()
        if not was_open:
            assert made.seconds == _SECONDS
            return made
        assert _FIRST <= made.seconds <= _SECONDS
        assert made.began >= self.opened_at + PAUSE_SECONDS - _ROUNDING
        for earlier in self.trials:
            assert made.began >= earlier.began + earlier.seconds + PAUSE_SECONDS - _ROUNDING
        self.trials.append(made)
        return made

    @rule(seconds=st.floats(0, 6))
    def time_passes(self, seconds: float) -> None:
        """Nothing happens by itself."""
        before = self.breaker.is_open
        self.clock.now += seconds
        assert self.breaker.is_open == before

    @rule(call=consumes(calls), error=st.none() | st.just(OSError("refused")))
    def answer(self, call: Call, error: Exception | None) -> None:
        """Any answer closes it."""
        call.end(error)
        assert not self.breaker.is_open
        self.answered_at = self.clock.now
        self.trials = []

    @rule(call=consumes(calls))
    def silence(self, call: Call) -> None:
        """It opens a closed one unless an answer came since the call began."""
        was_open = self.breaker.is_open
        call.end(SilenceError())
        assert self.breaker.is_open == (was_open or call.began >= self.answered_at)
        if self.breaker.is_open and not was_open:
            self.opened_at = self.clock.now
            self.trials = []

    @rule(call=consumes(calls))
    def loss(self, call: Call) -> None:
        """Its thread is gone."""

    @invariant()
    def it_never_sticks(self) -> None:
        """A call is let through after the longest trial and a pause, whatever came before."""
        if not hasattr(self, "breaker"):
            return
        now = self.clock.now
        state = dict(vars(self.breaker))
        self.clock.now += _SECONDS + PAUSE_SECONDS + _ROUNDING
        made = Call(self.breaker, self.clock)
        made.end()
        assert not self.breaker.is_open
        vars(self.breaker).update(state)
        self.clock.now = now


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


def test_many_threads_at_once() -> None:
    """Of tens of thousands of calls at once, no two are trials together, and it closes at last."""
    breaker = Breaker(0.05, 0.01)
    silent = threading.Event()
    silent.set()
    trying = threading.Semaphore(1)
    together: list[int] = []

    def server(trial: bool) -> None:
        """Answer, or not; a trial comes alone."""
        if trial and not trying.acquire(blocking=False):
            together.append(1)
            trial = False
        try:
            if silent.is_set():
                raise SilenceError
        finally:
            if trial:
                trying.release()

    def call(calls: int) -> int:
        return sum(_outcome(breaker, server) for _ in range(calls))

    with ThreadPoolExecutor(16) as pool:
        counts = [pool.submit(call, 2_500) for _ in range(16)]
        made = sum(count.result() for count in counts)
        silent.clear()
        until = monotonic() + 10
        while breaker.is_open and monotonic() < until:
            _outcome(breaker, server)

    assert together == []
    assert not breaker.is_open
    assert made < 16 + 40_000 * 0.1


def _outcome(breaker: Breaker, server: Callable[[bool], None]) -> int:
    """Make a call; return whether it was let through."""
    try:
        with breaker.call() as seconds:
            server(seconds < 0.05 and breaker.is_open)
    except OpenError:
        return 0
    except SilenceError:
        return 1
    return 1
