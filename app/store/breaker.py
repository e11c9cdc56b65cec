"""A circuit breaker: while a server is silent, calls fail at once instead of waiting in turn.

pybreaker 1.4.1 holds its lock for the whole of a call, so that threads wait for each other;
circuitbreaker 2.1.3 lets all threads try an open one at once.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic

from app.store.deadline import SilenceError

PAUSE_SECONDS = 0.2
"""The least time between two trials of a silent server."""


class OpenError(Exception):
    """The server was silent, and it is not yet time to try it again."""


class Breaker:
    """Decides which calls may be made. Closed, it lets all through; open, one trial at a time.

    A call that the server leaves unanswered opens it, unless the server answered another call in
    the meantime. Any answer closes it; a refusal is one. Each trial may take twice as long as the
    one before it, so that a server that became slow is found too. A trial that is never heard of
    again, as of a thread that was killed, counts as silent.

    It has no thread: it reads the clock only when it is called.

    Args:
        seconds: how long a call may take.
        first: how long the first trial may take.
        clock: returns seconds that never go back.
    """

    def __init__(
        self, seconds: float, first: float, clock: Callable[[], float] = monotonic
    ) -> None:
        self._seconds = seconds
        self._first = first
        self._clock = clock
        self._lock = Lock()
        self._patience = first
        self._retry_at = 0.0
        self._answered_at = clock()
        self.is_open = False

    @contextmanager
    def call(self) -> Iterator[float]:
        """Run a call in this block; gives the seconds that it may take.

        The block says by SilenceError that the server is silent; anything else is an answer.
        Raises OpenError if the call may not be made.
        """
        seconds = self._admit()
        began = self._clock()
        try:
            yield seconds
        except SilenceError:
            self._silent(began)
            raise
        except Exception:
            self._answered()
            raise
        self._answered()

    def _admit(self) -> float:
        if not self.is_open:
            return self._seconds
        with self._lock:
            now = self._clock()
            if now < self._retry_at:
                raise OpenError("the server does not answer")
            seconds = self._patience
            self._patience = min(2 * seconds, self._seconds)
            self._retry_at = now + seconds + PAUSE_SECONDS
            return seconds

    def _silent(self, began: float) -> None:
        with self._lock:
            if not self.is_open and began >= self._answered_at:
                self.is_open = True
                self._patience = self._first
                self._retry_at = self._clock() + PAUSE_SECONDS

    def _answered(self) -> None:
        with self._lock:
            self._answered_at = self._clock()
            self.is_open = False
