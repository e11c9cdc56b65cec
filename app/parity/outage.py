"""How long a service may be unreachable in a whole run."""

import threading
import time
from typing import Final

_FIRST: Final = 0.1
_LONGEST: Final = 2.0


class Outage:
    """The budget of seconds for a service that was there, and refuses connections now.

    Requests wait side by side: an outage costs its own length, not the sum of their waits. Who
    never answered is not waited for.

    Args:
        seconds: the budget.
    """

    def __init__(self, seconds: float) -> None:
        self._budget = seconds
        self._spent = 0.0
        self._since: float | None = None
        self._was_there = False
        self._lock = threading.Lock()
        self._over = threading.Event()

    @property
    def seconds(self) -> float:
        """How long the service was unreachable so far."""
        with self._lock:
            return self._sum()

    def answered(self) -> None:
        """Say that the service is there."""
        with self._lock:
            self._was_there = True
            self._spent, self._since = self._sum(), None

    def wait(self, attempt: int) -> bool:
        """Wait before a request is tried again; ``False`` if it must not be."""
        with self._lock:
            if not self._was_there:
                return False
            if self._since is None:
                self._since = time.monotonic()
            left = self._budget - self._sum()
        pause = min(_FIRST * 2.0 ** min(attempt, 10), _LONGEST, left)
        return left > 0 and not self._over.wait(pause)

    def give_up(self) -> None:
        """End all waiting: the run is over."""
        self._over.set()

    def _sum(self) -> float:
        return self._spent + (0 if self._since is None else time.monotonic() - self._since)
